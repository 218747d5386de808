import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createMetadataStore } from '@slipway/metadata-store';
import {
  type EmbeddedRegistry,
  randomImage,
  requireTool,
  startRegistry,
  temporaryFolder,
  writeDockerArchive,
} from '@slipway/testkit';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { openRedis } from '../../src/jobs/queue/redis/open-redis.ts';
import { forgivingBackend } from '../../src/jobs/queue/redis/patient-backend.ts';
import { createRedisBackend } from '../../src/jobs/queue/redis/redis-backend.ts';
import { createRedisLocks } from '../../src/jobs/queue/redis/redis-locks.ts';
import { recordsOf } from '../daemon-fixture.ts';
import { untilHit } from '../until-hit.ts';
import { type RedisServer, startRedis } from './redis-server.ts';
import { type SpawnedDaemon, spawnDaemon } from './spawn-daemon.ts';

const log = pino({ level: 'silent' });

describe.skipIf(requireTool('redis-server'))('while Redis does not answer', () => {
  let redis: RedisServer;
  beforeEach(async () => {
    redis = await startRedis();
  });
  afterEach(async () => {
    redis.resume();
    await redis[Symbol.asyncDispose]();
  });

  test('nothing is written after whoever asked was told that it was not', async () => {
    await using connections = await openRedis(redis.url, log);
    const { main, health } = connections;
    const backend = createRedisBackend(main, health, 'x');
    await backend.set('n', 'before', Buffer.from('1'));
    redis.suspend();
    await expect(backend.set('n', 'late', Buffer.from('1'))).rejects.toMatchObject({ status: 503 });
    expect(health.fault).toBe('Redis does not answer');
    // From now on nobody waits to hear the same.
    await expect(backend.update('n', 'other', () => Buffer.from('1'))).rejects.toMatchObject({ status: 503 });
    redis.resume();
    await vi.waitFor(() => expect(health.fault).toBeUndefined(), { timeout: 20_000 });
    expect(await backend.list?.('n')).toEqual(['before']);
  });

  test('locks are done without, and what is remembered of registries is not known', async () => {
    await using connections = await openRedis(redis.url, log);
    const { main, health } = connections;
    const memory = createMetadataStore(forgivingBackend(createRedisBackend(main, health, 'x')));
    const digest = `sha256:${'0'.repeat(64)}` as const;
    await memory.rememberBlobSize(digest as never, 5);
    expect(await memory.blobSize(digest as never)).toBe(5);
    redis.suspend();
    const locks = createRedisLocks(main, { prefix: 'x', leaseMs: 60_000, log, health });
    await using _alone = await locks.take('a', {});
    expect(await memory.blobSize(digest as never)).toBeUndefined();
    await memory.rememberBlobSize(digest as never, 6);
    redis.resume();
    await vi.waitFor(async () => expect(await memory.blobSize(digest as never)).toBe(5), { timeout: 20_000 });
  });

  describe('a daemon', () => {
    let registry: EmbeddedRegistry;
    let daemon: SpawnedDaemon;
    let resources: AsyncDisposable[];
    beforeEach(async () => {
      const folder = await temporaryFolder();
      registry = await startRegistry();
      resources = [folder, registry];
      const args = ['--redis', redis.url, '--job-lease', '60s', '--shutdown-timeout', '2s'];
      daemon = await spawnDaemon(join(folder.path, 's.sock'), join(folder.path, 'data'), ...args);
      resources.push(daemon);
      const archive = join(folder.path, 'app.tar');
      await writeDockerArchive(archive, [
        { image: await randomImage({ seed: 'away' }), references: [`${registry.host}/a/app:1`] },
      ]);
      const loaded = await daemon.request('POST', '/images/load?quiet=1', { body: await readFile(archive) });
      expect(loaded.body).toContain('Loaded image');
    });
    afterEach(async () => {
      redis.resume();
      for (const resource of resources.reverse()) await resource[Symbol.asyncDispose]();
    });

    const submit = (destination: string): ReturnType<SpawnedDaemon['request']> =>
      daemon.request('POST', '/slipway/v1/jobs', {
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ image: `${registry.host}/a/app:1`, destinations: [`${registry.host}/${destination}`] }),
      });

    test('pushes for docker clients, refuses jobs and says why; what it refused is not done later', async () => {
      const stall = registry.misbehave({ match: { kind: 'manifest-put', repository: 'b/app' }, stall: true });
      const running = JSON.parse((await submit('b/app:1')).body) as { readonly id: string };
      await untilHit(stall);
      redis.suspend();
      const refused = await submit('c/app:1');
      expect([refused.status, refused.headers['retry-after']]).toEqual([503, '5']);
      expect(refused.body).toContain('Redis does not answer');
      for (const path of ['/slipway/v1/jobs?destination=x', `/slipway/v1/jobs/${running.id}`]) {
        expect([path, (await daemon.request('GET', path)).status]).toEqual([path, 503]);
      }
      expect(await daemon.request('GET', '/readyz')).toMatchObject({ status: 503, body: 'Redis does not answer\n' });
      expect((await daemon.request('GET', '/healthz')).status).toBe(200);
      const pushed = await daemon.request('POST', `/images/${registry.host}/a/app/push?tag=1`);
      expect(recordsOf(pushed.body).at(-1)).toMatchObject({ aux: { Tag: '1' } });
      stall.remove();
      redis.resume();
      await vi.waitFor(async () => expect((await daemon.request('GET', '/readyz')).status).toBe(200), {
        timeout: 20_000,
      });
      await daemon.request('POST', `/slipway/v1/jobs/${running.id}/cancel`);
      await daemon.request('GET', `/slipway/v1/jobs/${running.id}/events`);
      const next = JSON.parse((await submit('d/app:1')).body) as { readonly id: string };
      await daemon.request('GET', `/slipway/v1/jobs/${next.id}/events`);
      expect(registry.tags('d/app')).toEqual(['1']);
      expect(registry.repositories()).not.toContain('c/app');
      const { jobs } = JSON.parse((await daemon.request('GET', '/slipway/v1/jobs')).body) as {
        readonly jobs: readonly { readonly id: string }[];
      };
      expect(jobs.map(({ id }) => id)).toEqual([next.id, running.id]);
    });

    test('ends in its time when it is asked to, with a job at work', async () => {
      const stall = registry.misbehave({ match: { kind: 'manifest-put' }, stall: true });
      await submit('b/app:1');
      await untilHit(stall);
      redis.suspend();
      await daemon.stop(); // the test's own limit would end it otherwise
      expect(daemon.log()).toContain('slipwayd has stopped');
    });
  });
});
