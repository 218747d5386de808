import { getEventListeners } from 'node:events';
import { describe, expect, test, vi } from 'vitest';
import { Scope } from './scope.ts';

/** Work that ends when the test says so, or with the scope. */
function job(scope: Scope) {
  const control = { isRunning: false, resolve: (_: string): void => {}, reject: (_: Error): void => {} };
  const work = (): Promise<string> => {
    control.isRunning = true;
    return new Promise<string>((resolve, reject) => {
      control.resolve = resolve;
      control.reject = reject;
      scope.signal.addEventListener('abort', () => reject(scope.signal.reason), { once: true });
    }).finally(() => {
      control.isRunning = false;
    });
  };
  return { control, work };
}

describe('a scope', () => {
  test('hands the results on, in order', async () => {
    await using scope = new Scope();
    await expect(scope.all([async () => 1, async () => 2])).resolves.toEqual([1, 2]);
    expect(scope.signal.aborted).toBe(false);
  });

  test('begins no more at once than it may, each as another ends, and begins none after a failure', async () => {
    const scope = new Scope();
    const begun: number[] = [];
    const ends: ((error?: Error) => void)[] = [];
    const works = [0, 1, 2, 3, 4].map((at) => () => {
      begun.push(at);
      return new Promise<number>((resolve, reject) => {
        ends[at] = (error) => (error === undefined ? resolve(at * 10) : reject(error));
      });
    });
    const all = scope.all(works.slice(0, 4), { atOnce: 2 });
    expect(begun).toEqual([0, 1]);
    ends[1]?.();
    await vi.waitFor(() => expect(begun).toEqual([0, 1, 2]));
    ends[2]?.();
    await vi.waitFor(() => expect(begun).toEqual([0, 1, 2, 3]));
    ends[0]?.();
    ends[3]?.();
    expect(await all).toEqual([0, 10, 20, 30]);
    const failing = scope.all(works, { atOnce: 1 });
    ends[0]?.(new Error('no'));
    await expect(failing).rejects.toThrow('no');
    expect(begun).toEqual([0, 1, 2, 3, 0]);
  });

  test('the first failure in time ends the others, and is the one told', async () => {
    await using scope = new Scope();
    const slow = job(scope);
    const failing = job(scope);
    const all = scope.all([slow.work, failing.work]);
    failing.control.reject(new Error('DENIED'));
    await expect(all).rejects.toThrow('DENIED');
    expect(slow.control.isRunning).toBe(false);
  });

  test('of two failures the first in time is told, whatever its place in the list', async () => {
    await using scope = new Scope();
    const first = job(scope);
    const second = job(scope);
    const all = scope.all([first.work, second.work]);
    second.control.reject(new Error('second'));
    first.control.reject(new Error('first'));
    await expect(all).rejects.toThrow('second');
  });

  test('waits for work that takes its time to end', async () => {
    const scope = new Scope();
    let isOver = false;
    let end = (): void => {};
    const stubborn = new Promise<void>((resolve) => {
      end = resolve;
    }).then(() => {
      isOver = true;
    });
    const all = scope.all([() => stubborn, () => Promise.reject(new Error('no'))]);
    const seen: boolean[] = [];
    const settled = all.catch(() => seen.push(isOver));
    end();
    await settled;
    expect(seen).toEqual([true]);
    await scope[Symbol.asyncDispose]();
  });

  test('closes when what it holds has ended, and not before', async () => {
    const scope = new Scope();
    let end = (): void => {};
    const held = new Promise<void>((resolve) => {
      end = resolve;
    });
    scope.hold(held);
    let isClosed = false;
    const closing = scope[Symbol.asyncDispose]().then(() => {
      isClosed = true;
    });
    await Promise.resolve();
    expect(isClosed).toBe(false);
    expect(scope.signal.aborted).toBe(false); // what is held still reads
    end();
    await closing;
    expect(scope.signal.aborted).toBe(true);
  });

  test('ends with its parent, by the same reason, and leaves no listener on it', async () => {
    const parent = new AbortController();
    const reason = new Error('Ctrl-C');
    {
      await using scope = new Scope(parent.signal);
      const { work } = job(scope);
      const all = scope.all([work]);
      parent.abort(reason);
      await expect(all).rejects.toBe(reason);
    }
    const other = new AbortController();
    {
      await using scope = new Scope(other.signal);
      await scope.run(async () => 1);
    }
    expect(getEventListeners(other.signal, 'abort')).toHaveLength(0);
  });

  test('begins nothing once it has failed', async () => {
    await using scope = new Scope();
    await expect(scope.run(() => Promise.reject(new Error('no')))).rejects.toThrow('no');
    let isStarted = false;
    const late = async (): Promise<void> => {
      isStarted = true;
    };
    await expect(scope.run(late)).rejects.toThrow('no');
    expect(isStarted).toBe(false);
  });
});
