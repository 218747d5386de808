import { once } from 'node:events';
import type { Redis } from 'ioredis';
import type { Logger } from 'pino';
import { ServerError } from '../../../errors.ts';
import { inTime } from '../../../in-time.ts';
import { type RedisHealth, type RedisHealthOptions, watchRedis } from './redis-health.ts';

/** Connections to the Redis that daemons share. */
export interface RedisConnections extends AsyncDisposable {
  /** For everything that does not wait in Redis. It fails at once while Redis is away. */
  readonly main: Redis;
  readonly health: RedisHealth;
  /** A further connection, for those who block or subscribe. What they ask waits until Redis is back. */
  open(): Redis;
}

/** How long the first connection may take. */
const connectMs = 10_000;
/** How long a connection may take to say goodbye. */
const quitMs = 1_000;
/** A connection that fails at once when it is broken. */
const unattended = { enableOfflineQueue: false, autoResendUnfulfilledCommands: false, maxRetriesPerRequest: 0 };

/**
 * Connects to Redis; the library is loaded here and not before. Connections that break come back by themselves.
 * All are made anew once the name leads to another Redis, and this one is a replica: after a failover.
 *
 * @throws {ServerError} `ERR_SERVER_REDIS`
 */
export async function openRedis(
  url: string,
  log: Logger,
  { timeoutMs }: Pick<RedisHealthOptions, 'timeoutMs'> = {},
): Promise<RedisConnections> {
  const { Redis } = await import('ioredis');
  const opened: Redis[] = [];
  let lastError: string | undefined;
  let isClosed = false;
  const create = (options: object): Redis => {
    const path = /^unix:\/\/(\/.+)$/.exec(url)?.[1];
    const all = { enableReadyCheck: true, lazyConnect: false, connectTimeout: 5_000, ...options };
    const redis = path === undefined ? new Redis(url, all) : new Redis({ ...all, path });
    redis.on('error', (error: Error) => {
      lastError = error.message;
      log.debug({ err: error }, 'a connection to Redis failed');
    });
    return redis;
  };
  const connect = (options: object): Redis => {
    const redis = create(options);
    opened.push(redis);
    return redis;
  };
  const renew = async (tryWrite: (fresh: Redis) => Promise<unknown>): Promise<void> => {
    const fresh = create({ ...unattended, lazyConnect: true, retryStrategy: () => null });
    try {
      await within(fresh.connect(), connectMs);
      await tryWrite(fresh);
      if (isClosed) return;
      log.info('the Redis of --redis is another one now: all connections to it are made anew');
      for (const redis of opened) redis.disconnect(true);
    } finally {
      fresh.disconnect();
    }
  };
  // BullMQ demands that nothing is given up: a queue that is away for a minute is no reason to fail a job.
  const open = (): Redis => connect({ maxRetriesPerRequest: null });
  const close = async (): Promise<void> => {
    isClosed = true;
    await Promise.all(
      opened.map(async (redis) => {
        if (redis.status === 'ready') await within(redis.quit(), quitMs).catch(() => {});
        redis.disconnect();
      }),
    );
  };
  const main = connect(unattended);
  let health: RedisHealth | undefined;
  try {
    const failure = once(main, 'end').then(() => Promise.reject(new Error('the connection was closed')));
    await within(Promise.race([once(main, 'ready'), failure]), connectMs, () => lastError);
    await assertSafe(main);
    health = await watchRedis(main, {
      timeoutMs,
      renew,
      onChange: (fault) => {
        if (fault === undefined) log.info('Redis answers and takes writes again');
        else log.warn(`${fault}: push jobs wait`);
      },
    });
  } catch (cause) {
    await close();
    if (cause instanceof ServerError) throw cause;
    throw new ServerError('ERR_SERVER_REDIS', `Cannot use the Redis of --redis: ${(cause as Error).message}`, {
      cause,
    });
  }
  const watched = health;
  return {
    main,
    health,
    open,
    async [Symbol.asyncDispose]() {
      watched[Symbol.dispose]();
      await close();
    },
  };
}

/** A Redis that throws keys away when it is full would lose jobs. */
async function assertSafe(redis: Redis): Promise<void> {
  const policy = /maxmemory_policy:(\S+)/.exec(await within(redis.info('memory'), connectMs))?.[1];
  if (policy === undefined || policy === 'noeviction') return;
  throw new ServerError('ERR_SERVER_REDIS', `The Redis of --redis evicts keys (maxmemory-policy ${policy})`, {
    hint: 'set maxmemory-policy to noeviction: jobs would be lost',
  });
}

async function within<T>(work: Promise<T>, timeoutMs: number, why = (): string | undefined => undefined): Promise<T> {
  return await inTime(work, timeoutMs, () => new Error(why() ?? `no answer within ${timeoutMs} ms`));
}
