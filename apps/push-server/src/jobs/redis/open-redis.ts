import type { Redis } from 'ioredis';
import type { Logger } from 'pino';
import { ServerError } from '../../errors.ts';

/** Connections to the Redis that daemons share. */
export interface RedisConnections extends AsyncDisposable {
  /** For everything that does not wait in Redis. */
  readonly main: Redis;
  /** A further connection, for those who block or subscribe. */
  open(): Redis;
}

/** How long the first connection may take. */
const connectMs = 10_000;

/**
 * Connects to Redis; the library is loaded here and not before. Connections that break come back by themselves, and what was
 * asked meanwhile waits.
 *
 * @throws {ServerError} `ERR_SERVER_REDIS`
 */
export async function openRedis(url: string, log: Logger): Promise<RedisConnections> {
  const { Redis } = await import('ioredis');
  const opened: Redis[] = [];
  const open = (): Redis => {
    // No limit of retries: BullMQ demands it, and a queue that is away for a minute is no reason to fail a job.
    const path = /^unix:\/\/(\/.+)$/.exec(url)?.[1];
    const options = { maxRetriesPerRequest: null, enableReadyCheck: true, lazyConnect: false };
    const redis = path === undefined ? new Redis(url, options) : new Redis({ ...options, path });
    redis.on('error', (error: Error) => log.warn({ err: error }, 'Redis does not answer'));
    opened.push(redis);
    return redis;
  };
  const close = async (): Promise<void> => {
    await Promise.all(
      opened.map((redis) => (redis.status === 'ready' ? redis.quit().catch(() => {}) : redis.disconnect())),
    );
  };
  const main = open();
  try {
    await inTime(main.ping());
    await assertSafe(main);
  } catch (cause) {
    await close();
    if (cause instanceof ServerError) throw cause;
    throw new ServerError('ERR_SERVER_REDIS', `Cannot use the Redis of --redis: ${(cause as Error).message}`, {
      cause,
    });
  }
  return { main, open, [Symbol.asyncDispose]: close };
}

/** A Redis that throws keys away when it is full would lose jobs. */
async function assertSafe(redis: Redis): Promise<void> {
  const policy = /maxmemory_policy:(\S+)/.exec(await redis.info('memory'))?.[1];
  if (policy === undefined || policy === 'noeviction') return;
  throw new ServerError('ERR_SERVER_REDIS', `The Redis of --redis evicts keys (maxmemory-policy ${policy})`, {
    hint: 'set maxmemory-policy to noeviction: jobs would be lost',
  });
}

async function inTime<T>(work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${connectMs} ms`)), connectMs);
  });
  work.catch(() => {}); // may yet fail, when nobody listens any more
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
