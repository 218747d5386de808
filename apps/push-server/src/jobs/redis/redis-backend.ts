import type { KeyValueBackend } from '@slipway/metadata-store';
import type { Redis } from 'ioredis';

/** Writes if the value is still the one that was read; both may be absent, which `ARGV[2]` and `ARGV[4]` tell. */
const compareAndSwap = `
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

const none: Buffer = Buffer.alloc(0);

/**
 * Keeps bytes in Redis, each namespace in a hash of its own. Writes are as durable as the Redis is configured to be
 * (`appendfsync`). The connection is the caller's.
 */
export function createRedisBackend(redis: Redis, prefix: string): KeyValueBackend {
  const hash = (namespace: string): string => `${prefix}:${namespace}`;
  return {
    async get(namespace, key) {
      return (await redis.hgetBuffer(hash(namespace), key)) ?? undefined;
    },
    async set(namespace, key, value) {
      await redis.hset(hash(namespace), key, Buffer.from(value));
    },
    async delete(namespace, key) {
      await redis.hdel(hash(namespace), key);
    },
    async update(namespace, key, change) {
      for (;;) {
        const before = (await redis.hgetBuffer(hash(namespace), key)) ?? undefined;
        const after = change(before);
        if (after === before) return;
        const isWritten = await redis.eval(
          compareAndSwap,
          1,
          hash(namespace),
          key,
          before === undefined ? '0' : '1',
          before ?? none,
          after === undefined ? '0' : '1',
          after === undefined ? none : Buffer.from(after),
        );
        if (isWritten === 1) return;
      }
    },
    list: (namespace) => redis.hkeys(hash(namespace)),
    async [Symbol.asyncDispose]() {},
  };
}
