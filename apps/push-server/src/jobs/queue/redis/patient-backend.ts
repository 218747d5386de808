import { setMaxListeners } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import type { KeyValueBackend } from '@slipway/metadata-store';
import { RedisUnavailable } from './redis-health.ts';

const againMs = 500;

/**
 * Waits for Redis to come back, however long that takes: for work that goes on without anybody who waits for an answer.
 * A write whose answer was lost is made again.
 *
 * @param signal ends the waiting
 */
export function patientBackend(backend: KeyValueBackend, signal: AbortSignal): KeyValueBackend {
  setMaxListeners(0, signal); // everything that waits listens, and leaves when Redis is back
  const patiently = async <T>(work: () => Promise<T>): Promise<T> => {
    for (;;) {
      try {
        return await work();
      } catch (error) {
        if (!(error instanceof RedisUnavailable)) throw error;
        signal.throwIfAborted();
        await delay(againMs, undefined, { signal }).catch(() => signal.throwIfAborted());
      }
    }
  };
  return {
    get: (namespace, key) => patiently(() => backend.get(namespace, key)),
    set: (namespace, key, value) => patiently(() => backend.set(namespace, key, value)),
    delete: (namespace, key) => patiently(() => backend.delete(namespace, key)),
    update: (namespace, key, change) => patiently(() => backend.update(namespace, key, change)),
    list: (namespace) => patiently(async () => (await backend.list?.(namespace)) ?? []),
    async [Symbol.asyncDispose]() {},
  };
}

/** Makes do without Redis while it is away: nothing is known, and nothing is remembered. For what only saves work. */
export function forgivingBackend(backend: KeyValueBackend): KeyValueBackend {
  const or = async <T>(work: Promise<T>, fallback: T): Promise<T> =>
    await work.catch((error: unknown) => {
      if (error instanceof RedisUnavailable) return fallback;
      throw error;
    });
  return {
    get: (namespace, key) => or(backend.get(namespace, key), undefined),
    set: (namespace, key, value) => or(backend.set(namespace, key, value), undefined),
    delete: (namespace, key) => or(backend.delete(namespace, key), undefined),
    async update(namespace, key, change) {
      try {
        await backend.update(namespace, key, change);
      } catch (error) {
        if (!(error instanceof RedisUnavailable)) throw error;
        change(undefined); // callers take from it what is there, which is nothing
      }
    },
    list: (namespace) => or(backend.list?.(namespace) ?? Promise.resolve([]), []),
    async [Symbol.asyncDispose]() {},
  };
}
