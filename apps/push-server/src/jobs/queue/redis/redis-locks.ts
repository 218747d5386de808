import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import type { Logger } from 'pino';
import { createBacklog } from '../backlog.ts';
import type { SharedLocks } from '../shared-locks.ts';
import { type RedisHealth, RedisUnavailable } from './redis-health.ts';

/**
 * By a script as the rest, so that whoever may take a lock may give it back. One whose answer was lost is found again;
 * one without a lease is no lock of ours, and would stand for ever.
 */
const take = `if redis.call('PTTL', KEYS[1]) == -1 then redis.call('DEL', KEYS[1]) end
if redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2], 'NX') then return 1 end
return redis.call('GET', KEYS[1]) == ARGV[1] and 1 or 0`;
const renew = `if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return 0`;
const release = `if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0`;

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
 * is away or refuses, work goes on without. One that cannot be given back just then is given back later: until its
 * lease is over, others would wait for nobody.
 *
 * @see https://redis.io/docs/latest/develop/clients/patterns/distributed-locks/
 */
export function createRedisLocks(
  redis: Redis,
  { prefix, leaseMs, longestWaitMs = 10 * 60_000, log, health }: RedisLockOptions,
): SharedLocks & Disposable {
  const subject = `${prefix}:lock`;
  const free = ({ key, owner }: HeldLock): Promise<unknown> =>
    health.write(subject, () => redis.eval(release, 1, key, owner));
  const owed = createBacklog<HeldLock>(async (held) => {
    if (performance.now() < held.endsAt) await free(held);
  }, log);
  return {
    async take(name, { signal, onWaiting }) {
      const key = `${subject}:${name}`;
      const owner = randomUUID();
      const isOurs = async (): Promise<boolean> => {
        try {
          return (await health.write(subject, () => redis.eval(take, 1, key, owner, leaseMs))) === 1;
        } catch (error) {
          if (error instanceof RedisUnavailable) return true;
          throw error;
        }
      };
      const giveBack = async (): Promise<void> => {
        const held = { key, owner, endsAt: performance.now() + leaseMs };
        await free(held).catch((err) => {
          log.debug({ err, lock: name }, 'a lock is given back later');
          owed.add(held);
        });
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
          .write(subject, () => redis.eval(renew, 1, key, owner, leaseMs))
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
    [Symbol.dispose]: () => owed[Symbol.dispose](),
  };
}

interface HeldLock {
  readonly key: string;
  readonly owner: string;
  /** When its lease is over, by the clock of `performance`. */
  readonly endsAt: number;
}
