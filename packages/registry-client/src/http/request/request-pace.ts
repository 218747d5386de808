import { setTimeout as sleep } from 'node:timers/promises';

/** Lets requests pass one by one, no faster than a rate. */
export type RequestPace = (signal?: AbortSignal) => Promise<void>;

export interface PaceClock {
  /** Milliseconds since some fixed moment. */
  now(): number;
  sleep(delayMs: number, signal: AbortSignal | undefined): Promise<void>;
}

const systemClock: PaceClock = {
  now: () => performance.now(),
  async sleep(delayMs, signal) {
    await sleep(delayMs, undefined, { signal }).catch((error: unknown) => {
      signal?.throwIfAborted();
      throw error;
    });
  },
};

/** Makes a pace of so many requests a second, evenly spaced. Time that nobody used is not saved up. */
export function createRequestPace(perSecond: number, clock: PaceClock = systemClock): RequestPace {
  if (perSecond === Number.POSITIVE_INFINITY) return async () => {};
  let freeAtMs = Number.NEGATIVE_INFINITY;
  return async (signal) => {
    signal?.throwIfAborted();
    const nowMs = clock.now();
    const atMs = Math.max(nowMs, freeAtMs);
    freeAtMs = atMs + 1000 / perSecond;
    if (atMs > nowMs) await clock.sleep(atMs - nowMs, signal);
  };
}
