import { getEventListeners } from 'node:events';
import { describe, expect, test } from 'vitest';
import { createSharedWork, type SharedWork } from './shared-work.ts';

/** Work that ends when it is told to, and the signal that it was given. */
function pending(): {
  readonly shared: SharedWork<string>;
  readonly signal: AbortSignal;
  readonly resolve: (value: string) => void;
  readonly reject: (error: Error) => void;
} {
  let settle = { resolve: (_: string): void => {}, reject: (_: Error): void => {} };
  let given = new AbortController().signal;
  const shared = createSharedWork((signal) => {
    given = signal;
    return new Promise<string>((resolve, reject) => {
      settle = { resolve, reject };
    });
  });
  return { shared, signal: given, ...settle };
}

describe('shared work', () => {
  test('answers all who wait, and those who come later', async () => {
    const { shared, signal, resolve } = pending();
    const early = [shared.join(), shared.join(new AbortController().signal)];
    resolve('done');
    expect(await Promise.all([...early, shared.join()])).toEqual(['done', 'done', 'done']);
    expect([signal.aborted, shared.isAborted]).toEqual([false, false]);
  });

  test('goes on for as long as one waits, and ends with the last', async () => {
    const { shared, signal } = pending();
    const [first, second] = [new AbortController(), new AbortController()];
    const left = [shared.join(first.signal), shared.join(second.signal)];
    first.abort(new Error('first'));
    await expect(left[0]).rejects.toThrow('first');
    expect(signal.aborted).toBe(false);
    second.abort(new Error('second'));
    await expect(left[1]).rejects.toThrow('second');
    expect(signal.reason).toMatchObject({ message: 'second' });
    expect(shared.isAborted).toBe(true);
    await expect(shared.join()).rejects.toThrow('second');
    expect(getEventListeners(first.signal, 'abort')).toEqual([]);
  });

  test('that is aborted ends for all', async () => {
    const { shared, signal } = pending();
    const waiting = [shared.join(), shared.join()];
    shared.abort(new Error('closed'));
    for (const each of waiting) await expect(each).rejects.toThrow('closed');
    expect(signal.aborted).toBe(true);
  });

  test('that has ended cannot be aborted', async () => {
    const { shared, resolve } = pending();
    resolve('done');
    expect(await shared.join()).toBe('done');
    shared.abort(new Error('closed'));
    expect(shared.isAborted).toBe(false);
    expect(await shared.join()).toBe('done');
  });

  test('that fails tells all, and nobody where nobody waits', async () => {
    const { shared, reject } = pending();
    reject(new Error('failed'));
    await expect(shared.join()).rejects.toThrow('failed');
    const thrown = createSharedWork(() => {
      throw new Error('at once');
    });
    await expect(thrown.join()).rejects.toThrow('at once');
  });
});
