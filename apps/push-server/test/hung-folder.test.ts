import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type EmbeddedRegistry,
  randomImage,
  requireTool,
  startRegistry,
  temporaryFolder,
  writeDockerArchive,
} from '@slipway/testkit';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { recordsOf } from './daemon-fixture.ts';
import { type HangingFolder, mountHangingFolder, refusalToMount, unlessHanging } from './hanging-folder.ts';
import { startRedis } from './jobs/redis-server.ts';
import { type SpawnedDaemon, spawnDaemon, spawnDaemonWith } from './jobs/spawn-daemon.ts';
import { untilHit } from './until-hit.ts';

/** A container without the right to mount has no file system that could hang: then this is all that can be shown. */
const refusal = refusalToMount();
if (refusal !== undefined) {
  test(`nobody may mount a file system of their own here, so none hangs: ${refusal}`, () => {
    expect(refusalToMount()).toBe(refusal);
  });
}

const hangs = 'the data folder does not answer: its disk or its network hangs';

const describeHanging = (unless: string | false): typeof describe | (() => void) =>
  refusal === undefined ? (describe.skipIf(unless) as typeof describe) : () => {};
describeHanging(unlessHanging)(`while the data folder hangs (${unlessHanging || 'bindfs'}), a daemon`, () => {
  let registry: EmbeddedRegistry;
  let data: HangingFolder;
  let daemon: SpawnedDaemon;
  let archive: Buffer;
  let resources: AsyncDisposable[];
  beforeEach(async () => {
    const folder = await temporaryFolder();
    resources = [folder];
    data = await mountHangingFolder(folder.path);
    registry = await startRegistry();
    resources.push(data, registry);
    const args = ['--shutdown-timeout', '2s', '--audit-log', join(data.path, 'audit.log')];
    daemon = await spawnDaemon(join(folder.path, 's.sock'), join(data.path, 'data'), ...args);
    resources.push(daemon);
    const file = join(folder.path, 'app.tar');
    const image = await randomImage({ seed: 'hangs' });
    await writeDockerArchive(file, [{ image, references: [`${registry.host}/a/app:1`] }]);
    archive = await readFile(file);
    const loaded = await daemon.request('POST', '/images/load?quiet=1', { body: archive });
    expect(loaded.body).toContain('Loaded image');
  });
  afterEach(async () => {
    data.resume();
    for (const resource of resources.reverse()) await resource[Symbol.asyncDispose]();
  });

  const submit = (destination: string, headers = {}): ReturnType<SpawnedDaemon['request']> =>
    daemon.request('POST', '/slipway/v1/jobs', {
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify({ image: `${registry.host}/a/app:1`, destinations: [`${registry.host}/${destination}`] }),
    });

  test('says so to everybody who needs it, and works as before when it answers again', async () => {
    data.suspend();
    // All at once: each takes a thread of the process, of which there are few.
    const refused = await Promise.all([
      daemon.request('GET', '/images/json'),
      daemon.request('GET', '/info'),
      daemon.request('GET', '/system/df'),
      daemon.request('GET', `/images/${registry.host}/a/app:1/json`),
      daemon.request('DELETE', '/images/another:1'),
      submit('b/app:1'),
    ]);
    for (const { status, headers, body } of refused) {
      expect([status, headers['retry-after'], JSON.parse(body).message]).toEqual([503, '5', hangs]);
    }
    expect(await daemon.request('GET', '/readyz')).toMatchObject({ status: 503, body: `${hangs}\n` });
    // From now on nothing more is asked of it.
    const pushed = daemon.request('POST', `/images/${registry.host}/a/app/push?tag=1`);
    const loaded = daemon.request('POST', '/images/load', { body: archive });
    for (const { status, body } of [await pushed, await loaded]) {
      expect([status, JSON.parse(body)]).toEqual([503, { message: hangs }]);
    }
    for (const path of ['/_ping', '/healthz', '/version', '/slipway/v1/jobs', '/slipway/v1/status']) {
      expect([path, (await daemon.request('GET', path)).status]).toEqual([path, 200]);
    }
    const metrics = await daemon.request('GET', '/metrics');
    expect(metrics.body).toMatch(/^slipwayd_ready 0$/m);
    expect(metrics.body).toMatch(/^slipwayd_folder_up 0$/m);

    data.resume();
    await vi.waitFor(async () => expect((await daemon.request('GET', '/readyz')).status).toBe(200), {
      timeout: 20_000,
    });
    const done = await submit('c/app:1', { 'idempotency-key': 'after' });
    const { id } = JSON.parse(done.body) as { readonly id: string };
    const job = await daemon.request('GET', `/slipway/v1/jobs/${id}?wait=60s`);
    expect(JSON.parse(job.body)).toMatchObject({ state: 'pushed' });
    // What was refused was not done later.
    expect(registry.repositories()).not.toContain('b/app');
    const { jobs } = JSON.parse((await daemon.request('GET', '/slipway/v1/jobs')).body) as { readonly jobs: unknown[] };
    expect(jobs).toHaveLength(1);
  });

  test('lets a push go on that has what it needs', async () => {
    // Of an image whose layers the registry has: nothing is compressed, nothing goes through the cache any more.
    await daemon.request('POST', `/images/${registry.host}/a/app/push?tag=1`);
    await daemon.request('POST', `/images/${registry.host}/a/app:1/tag?repo=${registry.host}/a/app&tag=2`);
    const slow = registry.misbehave({ match: { kind: 'manifest-put' }, delayMs: 3_000 });
    const pushing = daemon.request('POST', `/images/${registry.host}/a/app/push?tag=2`);
    await untilHit(slow);
    data.suspend();
    expect((await daemon.request('GET', '/images/json')).status).toBe(503);
    expect(recordsOf((await pushing).body).at(-1)).toMatchObject({ aux: { Tag: '2' } });
    expect(registry.tags('a/app')).toEqual(['1', '2']);
  });

  test('ends in its time when it is asked to, with a push at work and threads that wait', async () => {
    const stall = registry.misbehave({ match: { kind: 'manifest-put' }, stall: true });
    await submit('b/app:1');
    await untilHit(stall);
    data.suspend();
    expect((await daemon.request('GET', '/images/json')).status).toBe(503);
    const stopped = daemon.stop();
    await vi.waitFor(async () => expect(await hasEnded(daemon.pid)).toBe(true), { timeout: 20_000 });
    expect(daemon.log()).toContain('slipwayd has stopped');
    data.resume();
    await stopped;
  });
});

describeHanging(unlessHanging || requireTool('redis-server'))('with Redis, while the data folder hangs', () => {
  test('a job about an image of a registry is taken, and done', async () => {
    await using folder = await temporaryFolder();
    await using data = await mountHangingFolder(folder.path);
    await using redis = await startRedis();
    await using from = await startRegistry();
    await using to = await startRegistry();
    const [socket, place] = [join(folder.path, 's.sock'), join(data.path, 'data')];
    // Docker's credentials, which it looks for at home, do not hang.
    await using daemon = await spawnDaemonWith({ HOME: folder.path }, socket, place, '--redis', redis.url);
    using _answering = { [Symbol.dispose]: () => data.resume() };
    const file = join(folder.path, 'app.tar');
    const image = await randomImage({ seed: 'elsewhere' });
    await writeDockerArchive(file, [{ image, references: [`${from.host}/a/app:1`] }]);
    await daemon.request('POST', '/images/load?quiet=1', { body: await readFile(file) });
    await daemon.request('POST', `/images/${from.host}/a/app/push?tag=1`);
    expect(from.tags('a/app')).toEqual(['1']);
    data.suspend();
    expect((await daemon.request('GET', '/images/json')).status).toBe(503);
    const submitted = await daemon.request('POST', '/slipway/v1/jobs', {
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ image: `docker://${from.host}/a/app:1`, destinations: [`${to.host}/b/app:1`] }),
    });
    expect(submitted.status, submitted.body).toBe(201);
    const { id } = JSON.parse(submitted.body) as { readonly id: string };
    const job = await daemon.request('GET', `/slipway/v1/jobs/${id}?wait=60s`);
    expect(JSON.parse(job.body)).toMatchObject({ state: 'pushed' });
    expect(to.tags('b/app')).toEqual(['1']);
  });
});

/**
 * Whether the process runs no more. A thread whose question is on its way can be ended by nobody before it has its
 * answer: until then the dead process stays in the system's table.
 */
async function hasEnded(pid: number): Promise<boolean> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => ') X');
  return /\) [ZX]/.test(text);
}
