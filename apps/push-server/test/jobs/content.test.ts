import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type EmbeddedRegistry,
  randomImage,
  readBack,
  startRegistry,
  type TestImage,
  temporaryFolder,
  writeDockerArchive,
  writeOciArchive,
} from '@slipway/testkit';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { recordsOf, startTestDaemon, type TestDaemon, type TestResponse } from '../daemon-fixture.ts';
import { untilHit } from '../until-hit.ts';
import { spawnDaemon } from './spawn-daemon.ts';

const [one, two] = (await Promise.all(
  ['build 1', 'build 2'].map((seed) => randomImage({ seed, layers: [{ size: 50_000 }] })),
)) as [TestImage, TestImage];

let registry: EmbeddedRegistry;
let server: TestDaemon;
beforeEach(async () => {
  registry = await startRegistry();
  server = await startTestDaemon({ jobConcurrency: 1 });
});
afterEach(async () => {
  await server[Symbol.asyncDispose]();
  await registry[Symbol.asyncDispose]();
});

const json = { 'content-type': 'application/json' };
type Requests = Pick<TestDaemon, 'request'>;

async function load(image: TestImage, to: Requests = server): Promise<void> {
  const path = join(server.folder.path, 'image.tar');
  await writeDockerArchive(path, [{ image, references: ['team/app:latest'] }]);
  const answer = await to.request('POST', '/images/load?quiet=1', { body: await readFile(path) });
  expect(answer.body).toContain('Loaded image: team/app:latest');
}

async function submit(
  destinations: readonly string[],
  { key, image = 'team/app:latest', to = server }: { key?: string; image?: string; to?: Requests } = {},
): Promise<TestResponse> {
  const headers = key === undefined ? json : { ...json, 'idempotency-key': key };
  return await to.request('POST', '/slipway/v1/jobs', { headers, body: JSON.stringify({ image, destinations }) });
}

async function ended(answer: TestResponse, to: Requests = server): Promise<Record<string, unknown>> {
  const { id } = JSON.parse(answer.body) as { readonly id: string };
  await to.request('GET', `/slipway/v1/jobs/${id}/events`);
  return JSON.parse((await to.request('GET', `/slipway/v1/jobs/${id}`)).body);
}

const configOf = async (repository: string, tag: string): Promise<string> =>
  (await readBack(registry.host, repository, tag)).config?.digest ?? 'none';
const held = (): Promise<readonly string[]> => server.daemon.context.store.heldKeys();

describe('a job is about the image that was submitted', () => {
  test('whatever gets its name while the job waits', async () => {
    await load(one);
    const stall = registry.misbehave({ match: { kind: 'manifest-put', repository: 'slow/app' }, stall: true });
    const slow = await submit([`${registry.host}/slow/app:1`]);
    await untilHit(stall);
    const first = await submit([`${registry.host}/t/app:build-1`, `${registry.host}/t/other:build-1`]);
    expect(JSON.parse(first.body)).toMatchObject({ image: 'team/app:latest', imageID: one.imageID });
    await load(two);
    const second = await submit([`${registry.host}/t/app:build-2`]);
    stall.remove();
    await server.request('POST', `/slipway/v1/jobs/${JSON.parse(slow.body).id}/cancel`);
    expect([(await ended(first))['state'], (await ended(second))['state']]).toEqual(['pushed', 'pushed']);
    expect(await configOf('t/app', 'build-1')).toBe(one.imageID);
    expect(await configOf('t/other', 'build-1')).toBe(one.imageID);
    expect(await configOf('t/app', 'build-2')).toBe(two.imageID);
    expect(await held()).toEqual([]);
  });

  test('also when it is deleted and collected before its turn', async () => {
    await load(one);
    const stall = registry.misbehave({ match: { kind: 'manifest-put', repository: 'slow/app' }, stall: true });
    const slow = await submit([`${registry.host}/slow/app:1`]);
    await untilHit(stall);
    const job = await submit([`${registry.host}/t/app:1`]);
    expect((await server.request('DELETE', '/images/team/app:latest?force=1')).status).toBe(200);
    await server.daemon.context.store.collectGarbage({ graceMs: 0 });
    await server.request('POST', `/slipway/v1/jobs/${JSON.parse(slow.body).id}/cancel`);
    expect(await ended(job)).toMatchObject({ state: 'pushed', destinations: [{ state: 'pushed' }] });
    expect(await configOf('t/app', '1')).toBe(one.imageID);
  });

  test('also after the daemon was killed, when the name means something else by then', async () => {
    await using folder = await temporaryFolder();
    const socket = join(folder.path, 's.sock');
    const dataDir = join(folder.path, 'data');
    const stall = registry.misbehave({ match: { kind: 'manifest-put' }, stall: true });
    let answer: TestResponse;
    {
      await using first = await spawnDaemon(socket, dataDir);
      await load(one, first);
      answer = await submit([`${registry.host}/t/app:1`], { to: first });
      await untilHit(stall);
      await load(two, first);
      await first.kill();
    }
    stall.remove();
    await using second = await spawnDaemon(socket, dataDir);
    expect(await ended(answer, second)).toMatchObject({ state: 'pushed', imageID: one.imageID });
    expect(await configOf('t/app', '1')).toBe(one.imageID);
  });

  test('so the same idempotency key with another image is another request', async () => {
    await load(one);
    const destinations = [`${registry.host}/t/app:1`];
    const first = await submit(destinations, { key: 'build' });
    const again = await submit(destinations, { key: 'build' });
    const byID = await submit(destinations, { key: 'build', image: one.imageID });
    expect([first.status, again.status, byID.status]).toEqual([201, 200, 200]);
    await load(two);
    expect((await submit(destinations, { key: 'build' })).status).toBe(422);
    await ended(first);
    expect(await held()).toEqual([]);
  });
});

test('a load under another name does not change what a tag pushes', async () => {
  await load(one);
  const push = async (tag: string): Promise<unknown> => {
    const repository = `${registry.host}/t/app`;
    await server.request('POST', `/images/team/app:latest/tag?repo=${repository}&tag=${tag}`);
    const { body } = await server.request('POST', `/images/${repository}/push?tag=${tag}`);
    return recordsOf(body).find(({ aux }) => aux !== undefined)?.['aux'];
  };
  const before = await push('1');
  const layout = join(server.folder.path, 'layout.tar');
  await writeOciArchive(layout, [{ content: one, refName: 'lay/app:v1' }]);
  await server.request('POST', '/images/load', { body: await readFile(layout) });
  expect(await push('1')).toEqual(before);
  const after = await push('2');
  expect(after).toEqual({ ...(before as object), Tag: '2' });
  expect(await configOf('t/app', '2')).toBe(one.imageID);
});

describe('a job that failed', () => {
  async function archive(): Promise<Buffer> {
    const path = join(server.folder.path, 'archive.tar');
    await writeDockerArchive(path, [{ image: one, references: ['team/app:latest'] }]);
    return await readFile(path);
  }
  const archives = (): Promise<readonly string[]> => readdir(join(server.folder.path, 'data', 'jobs', 'archives'));

  test('keeps what it pushes, and a retry reaches what is left', async () => {
    const denied = registry.misbehave({ match: { kind: 'manifest-put', repository: 'b/app' }, status: 403 });
    const query = ['a', 'b'].map((name) => `destination=${registry.host}/${name}/app:1`).join('&');
    const answer = await server.request('POST', `/slipway/v1/jobs/archive?${query}`, { body: await archive() });
    const failed = await ended(answer);
    expect(failed).toMatchObject({ state: 'failed', canRetry: true, imageID: one.imageID });
    expect(failed).toMatchObject({ destinations: [{ state: 'pushed' }, { state: 'failed' }] });
    expect(await archives()).toHaveLength(1);
    denied.remove();
    const { length } = registry.requests.filter(({ repository }) => repository === 'a/app');
    const retried = await server.request('POST', `/slipway/v1/jobs/${failed['id']}/retry`);
    expect([retried.status, JSON.parse(retried.body)]).toMatchObject([202, { id: failed['id'], canRetry: false }]);
    const job = await ended(answer);
    expect(job).toMatchObject({ state: 'pushed', destinations: [{ state: 'pushed' }, { state: 'pushed' }] });
    expect(registry.requests.filter(({ repository }) => repository === 'a/app')).toHaveLength(length);
    expect(await configOf('b/app', '1')).toBe(one.imageID);
    expect(await archives()).toEqual([]);
    const events = await server.request('GET', `/slipway/v1/jobs/${failed['id']}/events`);
    expect(events.body.match(/^event: job:.*$/gm)).toEqual([
      'event: job:queued',
      'event: job:started',
      'event: job:finished',
      'event: job:retried',
      'event: job:started',
      'event: job:finished',
    ]);
    const twice = await server.request('POST', `/slipway/v1/jobs/${failed['id']}/retry`);
    expect([twice.status, twice.body]).toEqual([409, expect.stringContaining('it is pushed')]);
  });

  test('wants its credentials anew, as they were dropped when it ended', async () => {
    await using guarded = await startRegistry({ auth: { kind: 'basic', users: { ci: 'right' } } });
    await load(one);
    const body = (password: string): object => ({ credentials: { [guarded.host]: { username: 'ci', password } } });
    const request = { image: 'team/app', destinations: [`${guarded.host}/t/app:1`], ...body('wrong') };
    const answer = await server.request('POST', '/slipway/v1/jobs', { headers: json, body: JSON.stringify(request) });
    const { id } = (await ended(answer)) as { readonly id: string };
    const retry = (value?: object): Promise<TestResponse> =>
      server.request('POST', `/slipway/v1/jobs/${id}/retry`, { headers: json, body: value && JSON.stringify(value) });
    expect(await retry()).toMatchObject({ status: 400, body: expect.stringContaining('send them once more') });
    expect((await retry({ credentials: 1 })).status).toBe(400);
    expect((await retry(body('right'))).status).toBe(202);
    expect(await ended(answer)).toMatchObject({ state: 'pushed' });
    // What has ended well wants none.
    for (const value of [undefined, body('right')]) {
      expect(await retry(value)).toMatchObject({ status: 409, body: expect.stringContaining('it is pushed') });
    }
    expect(await held()).toEqual([]);
  });

  test('and is forgotten leaves nothing behind', async () => {
    await load(one);
    registry.misbehave({ match: { kind: 'manifest-put' }, status: 403 });
    const answer = await submit([`${registry.host}/t/app:1`]);
    const { id } = (await ended(answer)) as { readonly id: string };
    expect(await held()).toHaveLength(1);
    expect((await server.request('DELETE', `/slipway/v1/jobs/${id}`)).status).toBe(204);
    expect(await held()).toEqual([]);
    expect((await server.request('POST', `/slipway/v1/jobs/${id}/retry`)).status).toBe(404);
  });
});
