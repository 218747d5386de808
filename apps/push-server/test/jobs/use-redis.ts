import { pino } from 'pino';
import { afterAll, beforeAll } from 'vitest';
import { openRedis, type RedisConnections } from '../../src/jobs/queue/redis/open-redis.ts';
import { type RedisServer, startRedis } from './redis-server.ts';

/** A Redis for the tests of a `describe`, and connections to it; there from their beginning on. */
export interface UsedRedis {
  readonly server: RedisServer;
  readonly connections: RedisConnections;
}

export function useRedis(): UsedRedis {
  let server: RedisServer | undefined;
  let connections: RedisConnections | undefined;
  beforeAll(async () => {
    server = await startRedis();
    // This process may be held up longer than Redis.
    connections = await openRedis(server.url, pino({ level: 'silent' }), { timeoutMs: 30_000 });
  });
  afterAll(async () => {
    await connections?.[Symbol.asyncDispose]();
    await server?.[Symbol.asyncDispose]();
  });
  return {
    get server() {
      return running(server);
    },
    get connections() {
      return running(connections);
    },
  };
}

function running<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('unreachable: tests run after it has started');
  return value;
}
