import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type EmbeddedRegistry,
  randomImage,
  readBack,
  requireTool,
  startRegistry,
  type TemporaryFolder,
  temporaryFolder,
  writeDockerArchive,
} from '@slipway/testkit';
import { describe, expect, test, vi } from 'vitest';
import type { JobRecord } from '../../src/jobs/record/job.ts';
import { type SpawnedDaemon, spawnDaemon } from './spawn-daemon.ts';
import { useRedis } from './use-redis.ts';

/** A job that has reached `to:latest` and waits for what is `left`; then the tag is moved on by another job. */
async function halfDone(daemon: SpawnedDaemon, to: string, body: object): Promise<string> {
  const first = await submitted(daemon, body);
  const reached = { reference: `${to}:latest`, state: 'pushed', digest: expect.stringMatching(/^sha256:/) };
  await vi.waitFor(
    async () => expect((await shown(daemon, first)).destinations).toContainEqual(expect.objectContaining(reached)),
    { timeout: 30_000 },
  );
  const second = await submitted(daemon, { image: 'demo/next:v2', destinations: [`${to}:latest`] });
  expect((await ended(daemon, second)).state).toBe('pushed');
  return first;
}

async function submitted(daemon: SpawnedDaemon, body: object): Promise<string> {
  const headers = { 'content-type': 'application/json' };
  const answer = await daemon.request('POST', '/slipway/v1/jobs', { headers, body: JSON.stringify(body) });
  return JSON.parse(answer.body).id;
}

async function shown(daemon: SpawnedDaemon, id: string): Promise<JobRecord> {
  return JSON.parse((await daemon.request('GET', `/slipway/v1/jobs/${id}`)).body);
}

async function ended(daemon: SpawnedDaemon, id: string): Promise<JobRecord> {
  await daemon.request('GET', `/slipway/v1/jobs/${id}/events`);
  return await shown(daemon, id);
}

interface Place extends AsyncDisposable {
  readonly folder: TemporaryFolder;
  readonly registry: EmbeddedRegistry;
  start(): Promise<SpawnedDaemon>;
  /** Which image a tag means. */
  named(repository: string, tag: string): Promise<'v1' | 'v2'>;
}

async function place(...args: readonly string[]): Promise<Place> {
  const folder = await temporaryFolder();
  const registry = await startRegistry();
  const [one, two] = [await randomImage({ seed: 'one' }), await randomImage({ seed: 'two' })];
  const archive = join(folder.path, 'app.tar');
  await writeDockerArchive(archive, [
    { image: one, references: ['demo/app:v1', 'demo/app:latest', 'demo/app:last'] },
    { image: two, references: ['demo/next:v2'] },
  ]);
  const body = await readFile(archive);
  return {
    folder,
    registry,
    async start() {
      const socket = join(folder.path, 's.sock');
      const daemon = await spawnDaemon(socket, join(folder.path, 'data'), '--shutdown-timeout', '100ms', ...args);
      await daemon.request('POST', '/images/load', { body });
      return daemon;
    },
    async named(repository, tag) {
      const { layers } = await readBack(registry.host, repository, tag);
      return layers[0]?.diffID === one.layers[0]?.diffID ? 'v1' : 'v2';
    },
    async [Symbol.asyncDispose]() {
      await registry[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}

describe.each(['kill', 'stop'] as const)('a daemon that ends by %s and starts again', (how) => {
  test('leaves alone what a job had reached: a tag that means another image by now stays there', async () => {
    await using here = await place();
    const stall = here.registry.misbehave({ match: { kind: 'manifest-put', repository: 't/other' }, stall: true });
    const to = `${here.registry.host}/t/app`;
    let id: string;
    {
      await using daemon = await here.start();
      const destinations = [`${here.registry.host}/t/other:x`, `${to}:latest`];
      id = await halfDone(daemon, to, { image: 'demo/app:v1', destinations });
      await daemon[how]();
    }
    stall.remove();
    await using daemon = await here.start();
    const job = await ended(daemon, id);
    expect(job).toMatchObject({ state: 'pushed', destinations: [{ state: 'pushed' }, { state: 'pushed' }] });
    expect(await here.named('t/other', 'x')).toBe('v1');
    expect(await here.named('t/app', 'latest')).toBe('v2');
  });

  test('leaves alone the tags that a job for all tags had reached', async () => {
    await using here = await place();
    const match = { kind: 'manifest-put', path: /\/t\/app\/manifests\/v1$/ } as const;
    const stall = here.registry.misbehave({ match, stall: true });
    const to = `${here.registry.host}/t/app`;
    let id: string;
    {
      await using daemon = await here.start();
      id = await halfDone(daemon, to, { image: 'demo/app', allTags: true, into: true, destinations: [to] });
      await daemon[how]();
    }
    stall.remove();
    await using daemon = await here.start();
    const job = await ended(daemon, id);
    expect(job.destinations.map(({ reference, state }) => [reference, state]).sort()).toEqual(
      ['last', 'latest', 'v1'].map((tag) => [`${to}:${tag}`, 'pushed']),
    );
    expect(job.state).toBe('pushed');
    expect(await here.named('t/app', 'v1')).toBe('v1');
    expect(await here.named('t/app', 'latest')).toBe('v2');
  });
});

test('a retry of a job for all tags leaves alone those that it had reached', async () => {
  await using here = await place();
  await using daemon = await here.start();
  const match = { kind: 'manifest-put', path: /\/t\/app\/manifests\/v1$/ } as const;
  const refusal = here.registry.misbehave({ match, status: 400 });
  const to = `${here.registry.host}/t/app`;
  const first = await submitted(daemon, { image: 'demo/app', allTags: true, into: true, destinations: [to] });
  expect((await ended(daemon, first)).state).toBe('failed');
  const second = await submitted(daemon, { image: 'demo/next:v2', destinations: [`${to}:latest`] });
  expect((await ended(daemon, second)).state).toBe('pushed');
  refusal.remove();
  await daemon.request('POST', `/slipway/v1/jobs/${first}/retry`);
  const job = await ended(daemon, first);
  expect([job.state, job.destinations.length]).toEqual(['pushed', 3]);
  expect(await here.named('t/app', 'v1')).toBe('v1');
  expect(await here.named('t/app', 'latest')).toBe('v2');
});

describe.skipIf(requireTool('redis-server'))('with Redis', () => {
  const redis = useRedis();
  test('a job that comes back from a daemon that died leaves alone what it had reached', async () => {
    await using here = await place('--redis', redis.server.url, '--job-lease', '1s');
    const stall = here.registry.misbehave({ match: { kind: 'manifest-put', repository: 't/other' }, stall: true });
    const to = `${here.registry.host}/t/app`;
    let id: string;
    {
      await using daemon = await here.start();
      const destinations = [`${to}:latest`, `${here.registry.host}/t/other:x`];
      id = await halfDone(daemon, to, { image: 'demo/app:v1', destinations });
      await daemon.kill();
    }
    stall.remove();
    await using daemon = await here.start();
    expect((await ended(daemon, id)).state).toBe('pushed');
    expect(await here.named('t/other', 'x')).toBe('v1');
    expect(await here.named('t/app', 'latest')).toBe('v2');
  });
});
