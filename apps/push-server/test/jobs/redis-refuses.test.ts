import { randomUUID } from 'node:crypto';
import { readFile, symlink, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { createMetadataStore } from '@slipway/metadata-store';
import { randomImage, requireTool, startRegistry, writeDockerArchive } from '@slipway/testkit';
import { pino } from 'pino';
import { describe, expect, test, vi } from 'vitest';
import { openRedis } from '../../src/jobs/queue/redis/open-redis.ts';
import { forgivingBackend } from '../../src/jobs/queue/redis/patient-backend.ts';
import { createRedisBackend } from '../../src/jobs/queue/redis/redis-backend.ts';
import { watchRedis } from '../../src/jobs/queue/redis/redis-health.ts';
import { createRedisLocks } from '../../src/jobs/queue/redis/redis-locks.ts';
import { recordsOf } from '../daemon-fixture.ts';
import { startRedis } from './redis-server.ts';
import { spawnDaemon } from './spawn-daemon.ts';
import { useRedis } from './use-redis.ts';

const log = pino({ level: 'silent' });
const soon = { timeout: 20_000 };

describe.skipIf(requireTool('redis-server'))('a Redis that answers and refuses', () => {
  const redis = useRedis();
  const config = (name: string, value: string) => redis.connections.main.config('SET', name, value);

  test.each([
    ['it is full', () => config('maxmemory', '1'), () => config('maxmemory', '0'), /^Redis refuses: OOM /],
    [
      'too few replicas',
      () => config('min-replicas-to-write', '2'),
      () => config('min-replicas-to-write', '0'),
      /^Redis refuses: NOREPLICAS /,
    ],
    [
      'it is a replica',
      () => redis.connections.main.call('REPLICAOF', '127.0.0.1', '1'),
      () => redis.connections.main.call('REPLICAOF', 'NO', 'ONE'),
      /^Redis refuses: READONLY /,
    ],
  ])('%s: as if it were away for whoever writes, until it takes writes again', async (_why, begin, end, fault) => {
    await using connections = await openRedis(redis.server.url, log, { timeoutMs: 30_000 });
    const { main, health } = connections;
    const backend = createRedisBackend(main, health, randomUUID());
    const memory = createMetadataStore(forgivingBackend(createRedisBackend(main, health, randomUUID())));
    using locks = createRedisLocks(main, { prefix: randomUUID(), leaseMs: 60_000, log, health });
    await backend.set('n', 'before', Buffer.from('1'));
    await begin();
    try {
      await expect(backend.set('n', 'late', Buffer.from('1'))).rejects.toMatchObject({
        ...{ name: 'RedisUnavailable', status: 503, code: 'ERR_SERVER_BUSY', message: expect.stringMatching(fault) },
      });
      expect(health.fault).toMatch(fault);
      expect(health.fault).not.toContain('script');
      expect(await backend.list?.('n')).toEqual(['before']);
      await using _alone = await locks.take('a', {});
      await memory.rememberBlobSize(`sha256:${'0'.repeat(64)}` as never, 5);
    } finally {
      await end();
    }
    await vi.waitFor(() => expect(health.fault).toBeUndefined(), soon);
    await backend.set('n', 'later', Buffer.from('1'));
  });

  test('after a failover the connections follow the name, blocking ones too', async () => {
    await using before = await startRedis();
    await using after = await startRedis();
    const name = join(before.folder.path, 'name.sock');
    await symlink(new URL(before.url).pathname, name);
    await using connections = await openRedis(`unix://${name}`, log, { timeoutMs: 30_000 });
    const { main, health } = connections;
    const blocking = connections.open();
    const backend = createRedisBackend(main, health, 'x');
    await backend.set('n', 'before', Buffer.from('1'));
    const waiting = blocking.blpop('list', 0).catch((error: Error) => error);
    await unlink(name);
    await symlink(new URL(after.url).pathname, name);
    await main.call('REPLICAOF', '127.0.0.1', '1'); // which sends away those who wait
    await expect(backend.set('n', 'late', Buffer.from('1'))).rejects.toMatchObject({ name: 'RedisUnavailable' });
    await vi.waitFor(() => expect(health.fault).toBeUndefined(), soon);
    await backend.set('n', 'later', Buffer.from('1'));
    expect(await backend.list?.('n')).toEqual(['later']);
    expect(await blocking.set('k', 'v')).toBe('OK');
    expect(await waiting).toMatchObject({ message: expect.stringMatching(/^UNBLOCKED /) });
  });

  test('what is wrong with one key is told until the same is written, whatever else is', async () => {
    const { main } = redis.connections;
    const prefix = randomUUID();
    const told: (string | undefined)[] = [];
    using health = await watchRedis(main, { timeoutMs: 30_000, onChange: (fault) => void told.push(fault) });
    const [odd, right] = [createRedisBackend(main, health, `${prefix}-odd`), createRedisBackend(main, health, prefix)];
    await main.set(`${prefix}-odd:n`, 'no hash');
    await expect(odd.get('n', 'k')).rejects.toMatchObject({ status: 503 });
    await right.set('n', 'k', Buffer.from('1'));
    expect(health.fault).toMatch(/^Redis refuses: WRONGTYPE /);
    await main.del(`${prefix}-odd:n`);
    await odd.set('n', 'k', Buffer.from('1'));
    expect(health.fault).toMatch(/WRONGTYPE/); // nobody has read it since
    await odd.get('n', 'k');
    expect([health.fault, told.length]).toEqual([undefined, 2]);
  });

  test('whoever may not give a lock back does not take it', async () => {
    const { main, health } = redis.connections;
    const prefix = randomUUID();
    using locks = createRedisLocks(main, { prefix, leaseMs: 60_000, log, health });
    await main.acl('SETUSER', 'default', '-eval');
    try {
      await using _alone = await locks.take('a', {});
      expect(await main.exists(`${prefix}:lock:a`)).toBe(0);
    } finally {
      await main.acl('SETUSER', 'default', '+eval');
    }
  });

  test('a lock that cannot be given back is given back once that goes', async () => {
    const { main } = redis.connections;
    await using connections = await openRedis(redis.server.url, log, { timeoutMs: 30_000 });
    const { health } = connections;
    const prefix = randomUUID();
    using locks = createRedisLocks(connections.main, { prefix, leaseMs: 600_000, log, health });
    {
      await using _lock = await locks.take('a', {});
      connections.main.disconnect(true); // comes back by itself
    }
    await vi.waitFor(async () => expect(await main.exists(`${prefix}:lock:a`)).toBe(0), soon);
  });

  test('one without a lease is nobody’s', async () => {
    const { main, health } = redis.connections;
    const prefix = randomUUID();
    await main.set(`${prefix}:lock:a`, 'left by a restore');
    using locks = createRedisLocks(main, { prefix, leaseMs: 60_000, log, health });
    const onWaiting = vi.fn();
    await using _lock = await locks.take('a', { onWaiting });
    expect(onWaiting).not.toHaveBeenCalled();
  });

  test('a daemon pushes for docker clients, answers 503 where it cannot write, and says why', async () => {
    const { folder, url } = redis.server;
    await using registry = await startRegistry();
    const archive = join(folder.path, 'app.tar');
    const name = `${registry.host}/a/app:1`;
    await writeDockerArchive(archive, [{ image: await randomImage({ seed: 'refused' }), references: [name] }]);
    const args = ['--redis', url, '--job-lease', '60s'];
    await using daemon = await spawnDaemon(join(folder.path, 's.sock'), join(folder.path, 'data'), ...args);
    await daemon.request('POST', '/images/load?quiet=1', { body: await readFile(archive) });
    const submit = (destination: string): ReturnType<typeof daemon.request> =>
      daemon.request('POST', '/slipway/v1/jobs', {
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ image: name, destinations: [`${registry.host}/${destination}`] }),
      });
    await config('maxmemory', '1');
    try {
      const pushed = await daemon.request('POST', `/images/${registry.host}/a/app/push?tag=1`);
      expect(recordsOf(pushed.body).at(-1)).toMatchObject({ aux: { Tag: '1' } });
      const refused = await submit('b/app:1');
      expect([refused.status, refused.headers['retry-after']]).toEqual([503, '5']);
      expect(JSON.parse(refused.body)).toMatchObject({ code: 'ERR_SERVER_BUSY' });
      const ready = await daemon.request('GET', '/readyz');
      expect([ready.status, ready.body]).toEqual([503, expect.stringMatching(/^Redis refuses: OOM /)]);
      expect((await daemon.request('GET', '/slipway/v1/jobs')).status).toBe(200);
    } finally {
      await config('maxmemory', '0');
    }
    await vi.waitFor(async () => expect((await daemon.request('GET', '/readyz')).status).toBe(200), soon);
    const next = await submit('c/app:1');
    expect(next.status).toBe(201);
    await daemon.request('GET', `/slipway/v1/jobs/${JSON.parse(next.body).id}/events`);
    expect([registry.tags('c/app'), registry.repositories().includes('b/app')]).toEqual([['1'], false]);
  });
});
