import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { createMetadataStore } from '@slipway/metadata-store';
import { metadataStoreSuite } from '@slipway/metadata-store/suite';
import { randomImage, readBack, requireTool, startRegistry, writeDockerArchive } from '@slipway/testkit';
import { pino } from 'pino';
import { describe, expect, test } from 'vitest';
import { openRedis } from '../../src/jobs/queue/redis/open-redis.ts';
import { createRedisBackend } from '../../src/jobs/queue/redis/redis-backend.ts';
import { createRedisLocks } from '../../src/jobs/queue/redis/redis-locks.ts';
import { commitsOf } from './commits.ts';
import { type SpawnedDaemon, spawnDaemon } from './spawn-daemon.ts';
import { useRedis } from './use-redis.ts';

const log = pino({ level: 'silent' });

describe.skipIf(requireTool('redis-server'))('on one Redis', () => {
  const redis = useRedis();

  metadataStoreSuite('the Redis store', async () =>
    createMetadataStore(createRedisBackend(redis.connections.main, redis.connections.health, randomUUID())),
  );

  test('changes made at the same time are all made', async () => {
    const backend = createRedisBackend(redis.connections.main, redis.connections.health, randomUUID());
    const increment = (value: Uint8Array | undefined): Uint8Array => Buffer.from(String(Number(value ?? 0) + 1));
    const other = createRedisBackend(redis.connections.open(), redis.connections.health, 'x');
    await Promise.all(Array.from({ length: 50 }, () => backend.update('n', 'k', increment)));
    expect(String(await backend.get('n', 'k'))).toBe('50');
    await backend.update('n', 'k', () => undefined);
    expect(await backend.list?.('n')).toEqual([]);
    expect(await other.list?.('n')).toEqual([]);
  });

  test('of those who want a lock, one at a time has it, and who leaves the line is not waited for', async () => {
    const locks = createRedisLocks(redis.connections.main, {
      prefix: randomUUID(),
      leaseMs: 60_000,
      log,
      health: redis.connections.health,
    });
    const hold = async (name: string, inner: () => Promise<unknown>, signal?: AbortSignal): Promise<void> => {
      await using _lock = await locks.take(name, { signal });
      await inner();
    };
    const controller = new AbortController();
    let inside = 0;
    let most = 0;
    const work = async (): Promise<void> => {
      inside += 1;
      most = Math.max(most, inside);
      await new Promise((resolve) => setImmediate(resolve));
      inside -= 1;
    };
    const first = hold('a', () => hold('b', work));
    const refused = hold('c', () => hold('c', work, controller.signal));
    const others = Array.from({ length: 5 }, () => hold('a', work));
    controller.abort(new Error('enough'));
    await expect(refused).rejects.toThrow('enough');
    await Promise.all([first, ...others]);
    expect(most).toBe(1);
  });

  test('the lock of somebody who died is free after its lease', async () => {
    const prefix = randomUUID();
    await redis.connections.main.set(`${prefix}:lock:a`, 'a dead daemon', 'PX', 50);
    const locks = createRedisLocks(redis.connections.main, {
      prefix,
      leaseMs: 50,
      log,
      health: redis.connections.health,
    });
    let waits = 0;
    await using _lock = await locks.take('a', { onWaiting: () => (waits += 1) });
    expect([waits, await redis.connections.main.get(`${prefix}:lock:a`)]).toEqual([
      1,
      expect.not.stringContaining('dead'),
    ]);
  });

  test('the lock of somebody who lives on and on is not waited for for ever, and stays theirs', async () => {
    const prefix = randomUUID();
    await redis.connections.main.set(`${prefix}:lock:a`, 'another daemon', 'PX', 60_000);
    const health = redis.connections.health;
    {
      const locks = createRedisLocks(redis.connections.main, {
        prefix,
        leaseMs: 60_000,
        longestWaitMs: 50,
        log,
        health,
      });
      await using _alone = await locks.take('a', {});
    }
    expect(await redis.connections.main.get(`${prefix}:lock:a`)).toBe('another daemon');
  });

  test('a lock that was set although its answer was lost is not waited for', async () => {
    const prefix = randomUUID();
    let asked = 0;
    const lossy = new Proxy(redis.connections.main, {
      get(target, name) {
        const value = Reflect.get(target, name) as unknown;
        if (name !== 'eval') return typeof value === 'function' ? value.bind(target) : value;
        // As ioredis does after a reconnection: the command had been carried out, and is sent once more.
        return async (...args: Parameters<typeof target.eval>) => {
          asked += 1;
          if (asked === 1) await target.eval(...args);
          return await target.eval(...args);
        };
      },
    });
    const locks = createRedisLocks(lossy, { prefix, leaseMs: 60_000, log, health: redis.connections.health });
    {
      await using _lock = await locks.take('a', {});
      expect([asked, await redis.connections.main.exists(`${prefix}:lock:a`)]).toEqual([1, 1]);
    }
    expect(await redis.connections.main.exists(`${prefix}:lock:a`)).toBe(0);
  });

  test('a Redis that evicts is refused', async () => {
    await redis.connections.main.config('SET', 'maxmemory-policy', 'allkeys-lru');
    await expect(openRedis(redis.server.url, log)).rejects.toMatchObject({ code: 'ERR_SERVER_REDIS' });
    await redis.connections.main.config('SET', 'maxmemory-policy', 'noeviction');
  });

  test('two daemons, one killed: all jobs done, each destination right, each blob sent once', async () => {
    const { folder } = redis.server;
    const dataDir = join(folder.path, 'data');
    await using registry = await startRegistry();
    const archive = join(folder.path, 'app.tar');
    const shared = (await randomImage({ seed: 'base', layers: [{ size: 200_000, kind: 'random' }] })).layers[0];
    if (shared === undefined) throw new Error('unreachable');
    const images = await Promise.all(
      Array.from({ length: 12 }, (_, at) => randomImage({ seed: `app-${at}`, layers: [shared, { size: 60_000 }] })),
    );
    await writeDockerArchive(
      archive,
      images.map((image, at) => ({ image, references: [`demo/app:${at}`] })),
    );
    const args = ['--redis', redis.server.url, '--job-lease', '1s', '--job-concurrency', '2'];
    await using a = await spawnDaemon(join(folder.path, 'a.sock'), dataDir, ...args);
    await using b = await spawnDaemon(join(folder.path, 'b.sock'), dataDir, ...args);
    await a.request('POST', '/images/load', { body: await readFile(archive) });

    // What both begin takes so long that one can be killed in the middle of it.
    const slow = registry.misbehave({ match: { kind: 'manifest-put' }, times: 4, delayMs: 6_000 });
    const submit = async (daemon: SpawnedDaemon, at: number): Promise<string> => {
      const answer = await daemon.request('POST', '/slipway/v1/jobs', {
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ image: `demo/app:${at}`, destinations: [`${registry.host}/team/app:${at}`] }),
      });
      expect(answer.status).toBe(201);
      return JSON.parse(answer.body).id;
    };
    const jobOf = async (
      id: string,
    ): Promise<{ readonly state: string; readonly daemon: string; readonly attempts: number }> =>
      JSON.parse((await b.request('GET', `/slipway/v1/jobs/${id}`)).body);
    const ids: string[] = [];
    for (const at of images.keys()) ids.push(await submit(at % 2 === 0 ? a : b, at));
    const isAtWork = async (): Promise<boolean> => {
      const jobs = await Promise.all(ids.map(jobOf));
      return slow.hits > 0 && jobs.some(({ state, daemon }) => state === 'running' && daemon.includes(`-${a.pid}-`));
    };
    while (!(await isAtWork())) await delay(50);
    await a.kill();

    await Promise.all(ids.map((id) => b.request('GET', `/slipway/v1/jobs/${id}/events`)));
    const jobs = await Promise.all(ids.map(jobOf));
    expect(jobs.some(({ attempts }) => attempts > 1)).toBe(true);
    expect(jobs.map(({ state }) => state)).toEqual(ids.map(() => 'pushed'));
    for (const [at, image] of images.entries()) {
      const read = await readBack(registry.host, 'team/app', String(at));
      expect(read.layers.map(({ diffID }) => diffID)).toEqual(image.layers.map(({ diffID }) => diffID));
    }
    const commits = commitsOf(registry);
    expect(commits).toHaveLength(1 + 2 * images.length);
    expect(new Set(commits).size).toBe(commits.length);
  }, 120_000);
});
