import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import type { Logger } from 'pino';
import type { SharedLocks } from '../shared-locks.ts';
import { type RedisHealth, RedisUnavailable } from './redis-health.ts';

const renew =
  `if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('PEXPIRE', KEYS[1], ARGV[2]) else ` + 'return 0 end';
const release = `if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) else return 0 end`;

export interface RedisLockOptions {
  readonly prefix: string;
  /** How long the lock of a daemon that died stays. */
  readonly leaseMs: number;
  /** How long the lock of one that lives is waited for. @default 10 minutes */
  readonly longestWaitMs?: number | undefined;
  readonly log: Logger;
  readonly health: RedisHealth;
}

/**
 * Locks in the one Redis that all daemons share, as Redis documents them: set if absent with an expiry, renewed while
 * held, deleted by their owner only. A lock that is lost costs an upload too many, never a wrong image; so while Redis
 * is away, work goes on without.
 *
 * @see https://redis.io/docs/latest/develop/clients/patterns/distributed-locks/
 */
export function createRedisLocks(
  redis: Redis,
  { prefix, leaseMs, longestWaitMs = 10 * 60_000, log, health }: RedisLockOptions,
): SharedLocks {
  return {
    async take(name, { signal, onWaiting }) {
      const key = `${prefix}:lock:${name}`;
      const owner = randomUUID();
      // A command whose answer was lost is sent again, and then finds the lock that it set itself.
      const take = async (): Promise<boolean> =>
        (await redis.set(key, owner, 'PX', leaseMs, 'NX')) !== null || (await redis.get(key)) === owner;
      const isOurs = async (): Promise<boolean> =>
        await health.call(take).catch((error: unknown) => {
          if (error instanceof RedisUnavailable) return true;
          throw error;
        });
      const giveBack = async (): Promise<void> => {
        await health
          .call(() => redis.eval(release, 1, key, owner))
          .catch((err) => log.debug({ err, lock: name }, 'a lock ends with its lease'));
      };
      signal?.throwIfAborted();
      const late = performance.now() + longestWaitMs;
      for (let waitMs = 20; !(await isOurs()); waitMs = Math.min(waitMs * 1.5, 500)) {
        if (waitMs === 20) onWaiting?.();
        if (performance.now() > late) {
          log.warn({ lock: name }, 'a lock is not waited for any longer: another daemon may send the same blob');
          return { async [Symbol.asyncDispose]() {} };
        }
        await delay(waitMs * (0.5 + Math.random()), undefined, { signal }).catch(() => signal?.throwIfAborted());
      }
      if (signal?.aborted) {
        await giveBack();
        signal.throwIfAborted();
      }
      const timer = setInterval(() => {
        health
          .call(() => redis.eval(renew, 1, key, owner, leaseMs))
          .then(
            (renewed) => {
              if (renewed === 1) return;
              clearInterval(timer);
              log.warn({ lock: name }, 'a lock was lost: another daemon may send the same blob');
            },
            (err) => log.debug({ err, lock: name }, 'a lock could not be renewed'),
          );
      }, leaseMs / 3);
      return {
        async [Symbol.asyncDispose]() {
          clearInterval(timer);
          await giveBack();
        },
      };
    },
  };
}
