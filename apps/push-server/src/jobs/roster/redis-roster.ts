import type { Redis } from 'ioredis';
import type { Logger } from 'pino';
import type { RedisHealth } from '../queue/redis/redis-health.ts';
import type { DaemonEntry, DaemonRoster } from './daemon-roster.ts';
import { type Hearing, heardFrom, knownIn, shareOf } from './heard.ts';

export interface RedisRosterOptions {
  readonly key: string;
  /** A daemon that does not show for so long is gone: its jobs go to others then, too. */
  readonly goneMs: number;
  readonly health: RedisHealth;
  readonly log: Logger;
}

/** A daemon that is gone is shown for so many times the time after which it is. */
const shownGoneFor = 20;

/** Writes one's own entry, drops those that are long gone, and reads all: by one clock, with nobody in between. */
const beat = `local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local own = cjson.decode(ARGV[2])
local before = redis.call('HGET', KEYS[1], ARGV[1])
own.joined = before and cjson.decode(before).joined or now
own.seen = now
redis.call('HSET', KEYS[1], ARGV[1], cjson.encode(own))
local found = {}
for _, name in ipairs(redis.call('HKEYS', KEYS[1])) do
  local text = redis.call('HGET', KEYS[1], name)
  local isRead, each = pcall(cjson.decode, text)
  if not isRead or type(each) ~= 'table' or type(each.seen) ~= 'number' or now - each.seen > tonumber(ARGV[3]) then
    redis.call('HDEL', KEYS[1], name)
  else
    found[#found + 1] = text
  end
end
return {tostring(now), found}`;

/**
 * The daemons on one Redis. Each shows itself three times in the time after which it is gone. While Redis is away, what
 * was heard last stands.
 */
export function createRedisRoster(redis: Redis, { key, goneMs, health, log }: RedisRosterOptions): DaemonRoster {
  let own: DaemonEntry | undefined;
  let hearing: Hearing = { daemons: [], redisNow: 0, hereNow: 0 };
  let timer: NodeJS.Timeout | undefined;
  const show = async (entry: DaemonEntry): Promise<void> => {
    const [now, texts] = (await health.write(key, () =>
      redis.eval(beat, 1, key, entry.name, JSON.stringify(entry), String(goneMs * shownGoneFor)),
    )) as [string, readonly string[]];
    hearing = { daemons: texts.flatMap((text) => heardFrom(text) ?? []), redisNow: Number(now), hereNow: Date.now() };
  };
  return {
    async join(entry) {
      own = entry;
      await show(entry);
      timer = setInterval(
        () => void show(entry).catch((err) => log.debug({ err }, 'this daemon cannot be shown to the others')),
        goneMs / 3,
      );
      timer.unref();
    },
    list: () => knownIn(hearing, goneMs),
    share: (count) => (own === undefined ? 0 : shareOf(knownIn(hearing, goneMs), own, count)),
    async [Symbol.asyncDispose]() {
      clearInterval(timer);
      if (own === undefined) return;
      const { name } = own;
      await health
        .write(key, () => redis.hdel(key, name))
        .catch((err) => log.debug({ err }, 'this daemon leaves unheard'));
    },
  };
}
