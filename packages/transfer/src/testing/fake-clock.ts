import { setImmediate } from 'node:timers/promises';
import type { Clock } from '../clock.ts';

/** A clock that a test turns by hand. */
export interface FakeClock extends Clock {
  /** How many are asleep. */
  readonly sleepers: number;
  /** Lets `ms` pass: wakes whoever is due, in order, each at its own moment, and lets what that sets off settle. */
  advance(ms: number): Promise<void>;
  /** Lets time pass until nobody sleeps any more. */
  runAll(): Promise<void>;
}

interface Sleeper {
  readonly dueMs: number;
  readonly wake: () => void;
}

/** Makes a {@link FakeClock} that starts at 0. Timers of the machine are not touched. */
export function createFakeClock(): FakeClock {
  let now = 0;
  const sleepers = new Set<Sleeper>();
  const earliest = (): Sleeper | undefined => [...sleepers].sort((a, b) => a.dueMs - b.dueMs)[0];
  const wakeUntil = async (endMs: number): Promise<void> => {
    await setImmediate();
    for (let next = earliest(); next && next.dueMs <= endMs; next = earliest()) {
      now = Math.max(now, next.dueMs);
      sleepers.delete(next);
      next.wake();
      await setImmediate();
    }
  };
  return {
    now: () => now,
    sleep: (delayMs, { signal } = {}) =>
      new Promise((resolve, reject) => {
        if (signal?.aborted) return reject(signal.reason);
        const onAbort = (): void => {
          sleepers.delete(sleeper);
          reject(signal?.reason);
        };
        const wake = (): void => {
          signal?.removeEventListener('abort', onAbort);
          resolve();
        };
        const sleeper: Sleeper = { dueMs: now + delayMs, wake };
        sleepers.add(sleeper);
        signal?.addEventListener('abort', onAbort, { once: true });
      }),
    get sleepers() {
      return sleepers.size;
    },
    async advance(ms) {
      const end = now + ms;
      await wakeUntil(end);
      now = end;
    },
    runAll: () => wakeUntil(Number.POSITIVE_INFINITY),
  };
}
