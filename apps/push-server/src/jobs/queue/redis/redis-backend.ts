import type { KeyValueBackend } from '@slipway/metadata-store';
import type { Redis } from 'ioredis';
import { type RedisHealth, RedisUnavailable } from './redis-health.ts';

/** Whoever has sent a write and was told that it failed must not find it done later. */
const inTime = `
local time = redis.call('TIME')
if time[1] * 1000 + time[2] / 1000 > tonumber(ARGV[#ARGV]) then return -1 end`;

/** Writes if the value is still the one that was read; both may be absent, which `ARGV[2]` and `ARGV[4]` tell. */
const compareAndSwap = `${inTime}
local current = redis.call('HGET', KEYS[1], ARGV[1])
if ARGV[2] == '0' then
  if current then return 0 end
elseif current ~= ARGV[3] then
  return 0
end
if ARGV[4] == '0' then
  redis.call('HDEL', KEYS[1], ARGV[1])
else
  redis.call('HSET', KEYS[1], ARGV[1], ARGV[5])
end
return 1`;

const set = `${inTime}
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
return 1`;

const none: Buffer = Buffer.alloc(0);

/**
 * Keeps bytes in Redis, each namespace in a hash of its own. Writes are as durable as the Redis is configured to be
 * (`appendfsync`). Every operation ends soon: with {@link RedisUnavailable} when Redis does not answer, or refuses. The
 * connection is the caller's.
 */
export function createRedisBackend(redis: Redis, health: RedisHealth, prefix: string): KeyValueBackend {
  const hash = (namespace: string): string => `${prefix}:${namespace}`;
  const write = async (script: string, key: string, args: readonly (string | Buffer)[]): Promise<unknown> => {
    const result = await health.write(prefix, (deadline) => redis.eval(script, 1, key, ...args, String(deadline)));
    if (result === -1) throw new RedisUnavailable(503, 'Redis answered too late: nothing was written');
    return result;
  };
  const read = (namespace: string, key: string): Promise<Buffer | undefined> =>
    health.read(prefix, async () => (await redis.hgetBuffer(hash(namespace), key)) ?? undefined);
  return {
    get: read,
    async set(namespace, key, value) {
      await write(set, hash(namespace), [key, Buffer.from(value)]);
    },
    async delete(namespace, key) {
      await health.write(prefix, () => redis.hdel(hash(namespace), key));
    },
    async update(namespace, key, change) {
      for (;;) {
        const before = await read(namespace, key);
        const after = change(before);
        if (after === before) return;
        const isWritten = await write(compareAndSwap, hash(namespace), [
          key,
          before === undefined ? '0' : '1',
          before ?? none,
          after === undefined ? '0' : '1',
          after === undefined ? none : Buffer.from(after),
        ]);
        if (isWritten === 1) return;
      }
    },
    list: (namespace) => health.read(prefix, () => redis.hkeys(hash(namespace))),
    async [Symbol.asyncDispose]() {},
  };
}
