import { describe, expect, test, vi } from 'vitest';
import { createJobGate } from './job-gate.ts';

/** Tells when a promise has settled, without waiting for it. */
function watched<T>(work: Promise<T>): { readonly work: Promise<T>; isSettled: boolean } {
  const state = { work, isSettled: false };
  work.then(
    () => (state.isSettled = true),
    () => (state.isSettled = true),
  );
  return state;
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('the gate of jobs', () => {
  test('lets jobs run beside each other', async () => {
    const gate = createJobGate();
    using a = await gate.enter({});
    using b = await gate.enter({});
    expect([a.isAlone, b.isAlone]).toEqual([false, false]);
  });

  test('a suspect waits for those that run, and the next ones for it', async () => {
    const gate = createJobGate({ aloneMs: 60_000 });
    const first = await gate.enter({});
    const suspect = watched(gate.enterAlone({}));
    const next = watched(gate.enter({}));
    const other = watched(gate.enterAlone({}));
    await turn();
    expect([suspect.isSettled, next.isSettled, other.isSettled]).toEqual([false, false, false]);
    first[Symbol.dispose]();
    const pass = await suspect.work;
    await turn();
    expect([pass.isAlone, next.isSettled, other.isSettled]).toEqual([true, false, false]);
    pass[Symbol.dispose]();
    (await next.work)[Symbol.dispose]();
    const second = await other.work;
    expect(second.isAlone).toBe(true);
    second[Symbol.dispose]();
  });

  test('a suspect that goes on for long lets others in, and one that cannot be alone comes in beside them', async () => {
    vi.useFakeTimers();
    try {
      const gate = createJobGate({ aloneMs: 1_000 });
      const onShared = vi.fn();
      using suspect = await gate.enterAlone({ onShared });
      const next = gate.enter({});
      await vi.advanceTimersByTimeAsync(1_000);
      using beside = await next;
      expect([suspect.isAlone, beside.isAlone]).toEqual([false, false]);
      expect(onShared).toHaveBeenCalledOnce();
      const second = gate.enterAlone({});
      await vi.advanceTimersByTimeAsync(1_000);
      using late = await second;
      expect(late.isAlone).toBe(false);
    } finally {
      vi.useRealTimers();
    }
  });

  test('whoever leaves while it waits keeps nobody out', async () => {
    const gate = createJobGate({ aloneMs: 60_000 });
    using _first = await gate.enter({});
    const controller = new AbortController();
    const suspect = gate.enterAlone({ signal: controller.signal });
    const next = gate.enter({});
    controller.abort(new Error('gone'));
    await expect(suspect).rejects.toThrow('gone');
    using pass = await next;
    expect(pass.isAlone).toBe(false);
  });
});
