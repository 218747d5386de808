import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type EmbeddedRegistry,
  randomImage,
  readBack,
  startRegistry,
  temporaryFolder,
  writeDockerArchive,
  writeOciArchive,
} from '@slipway/testkit';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { JobEvent } from '../../src/jobs/record/job.ts';
import { startTestDaemon, type TestDaemon, type TestResponse } from '../daemon-fixture.ts';
import { pathsBelow } from '../paths-below.ts';

let registry: EmbeddedRegistry;
let server: TestDaemon;
let archive: string;

beforeEach(async () => {
  registry = await startRegistry();
  server = await startTestDaemon({ jobConcurrency: 4 });
  archive = join(server.folder.path, 'app.tar');
  const image = await randomImage({ seed: 'jobs', layers: [{ size: 300_000, kind: 'random' }, { size: 100_000 }] });
  await writeDockerArchive(archive, [{ image, references: ['demo/app:v1'] }]);
});

afterEach(async () => {
  await server[Symbol.asyncDispose]();
  await registry[Symbol.asyncDispose]();
});

const json = { 'content-type': 'application/json' };

async function load(): Promise<void> {
  const answer = await server.request('POST', '/images/load', { body: await readFile(archive) });
  expect(answer.body).toContain('Loaded image: demo/app:v1');
}

async function submit(body: object, headers: Readonly<Record<string, string>> = {}): Promise<TestResponse> {
  return await server.request('POST', '/slipway/v1/jobs', {
    headers: { ...json, ...headers },
    body: JSON.stringify(body),
  });
}

/** Follows a job to its end. */
async function follow(id: string, after = 0): Promise<readonly JobEvent[]> {
  const { status, body } = await server.request('GET', `/slipway/v1/jobs/${id}/events`, {
    headers: { 'last-event-id': String(after) },
  });
  expect(status).toBe(200);
  return [...body.matchAll(/^data: (.*)$/gm)].map(([, data]) => JSON.parse(data ?? '') as JobEvent);
}

async function job(id: string): Promise<Record<string, unknown>> {
  return JSON.parse((await server.request('GET', `/slipway/v1/jobs/${id}`)).body);
}

const idOf = (answer: TestResponse): string => JSON.parse(answer.body).id;

describe('a job', () => {
  test('pushes an image of the store to several destinations, each by itself', async () => {
    await load();
    const destinations = [`${registry.host}/a/app:1`, `${registry.host}/b/app:2`, '127.0.0.1:1/c/app:3'];
    const answer = await submit({ image: 'demo/app:v1', destinations });
    expect(answer.status).toBe(201);
    expect(answer.headers.location).toBe(`/slipway/v1/jobs/${idOf(answer)}`);
    const events = await follow(idOf(answer));
    expect(events.at(0)?.type).toBe('job:queued');
    expect(events.at(-1)).toMatchObject({ type: 'job:finished', state: 'failed' });
    const ended = await job(idOf(answer));
    expect(ended).toMatchObject({
      state: 'failed',
      attempts: 1,
      destinations: [{ state: 'pushed' }, { state: 'pushed' }, { state: 'failed', error: { code: 'ERR_PUSH_FAILED' } }],
    });
    const [a, b] = await Promise.all([readBack(registry.host, 'a/app', '1'), readBack(registry.host, 'b/app', '2')]);
    expect(a.digest).toBe(b.digest);
  });

  test('pushes an archive that comes with the request, which leaves no trace in the store', async () => {
    const query = new URLSearchParams([['destination', `${registry.host}/up/app:1`]]);
    const answer = await server.request('POST', `/slipway/v1/jobs/archive?${query}`, {
      headers: { 'content-type': 'application/x-tar' },
      body: await readFile(archive),
    });
    expect([answer.status, answer.body]).toEqual([201, expect.stringContaining('"source":"archive"')]);
    await follow(idOf(answer));
    expect(await job(idOf(answer))).toMatchObject({ state: 'pushed' });
    await readBack(registry.host, 'up/app', '1');
    expect((await server.request('GET', '/images/json')).body.trim()).toBe('[]');
  });

  test('is one job however often its idempotency key comes', async () => {
    await load();
    const body = { image: 'demo/app:v1', destinations: [`${registry.host}/a/app:1`] };
    const key = { 'idempotency-key': 'build 17' };
    const [first, second] = [await submit(body, key), await submit(body, key)];
    expect([first.status, second.status]).toEqual([201, 200]);
    expect(idOf(second)).toBe(idOf(first));
    const other = await submit({ ...body, destinations: [`${registry.host}/a/app:2`] }, key);
    expect([other.status, other.body]).toEqual([
      422,
      '{"message":"the idempotency key was used for another request","code":"ERR_SERVER_KEY_USED"}\n',
    ]);
    await follow(idOf(first));
    expect(registry.requests.filter(({ kind }) => kind === 'manifest-put')).toHaveLength(1);
  });

  test('events go on after the last one seen, each once', async () => {
    await load();
    const id = idOf(await submit({ image: 'demo/app:v1', destinations: [`${registry.host}/a/app:1`] }));
    const all = (await follow(id)).filter(({ seq }) => seq !== undefined);
    expect(all.map(({ seq }) => seq)).toEqual(all.map((_event, at) => at + 1));
    const middle = Math.floor(all.length / 2);
    expect(await follow(id, middle)).toEqual(all.slice(middle));
    expect(await follow(id, all.length)).toEqual([]);
  });

  test('that runs is cancelled at a safe point; one that waits is never begun', async () => {
    await load();
    const stall = registry.misbehave({ match: { kind: 'upload-put' }, stall: true });
    const destinations = (name: string): readonly string[] => [`${registry.host}/${name}/app:1`];
    const running = [
      idOf(await submit({ image: 'demo/app:v1', destinations: destinations('a') })),
      idOf(await submit({ image: 'demo/app:v1', destinations: destinations('b') })),
    ];
    while (stall.hits < 2) await new Promise((resolve) => setTimeout(resolve, 20));
    const waiting = idOf(await submit({ image: 'demo/app:v1', destinations: destinations('c') }));
    expect((await server.request('DELETE', `/slipway/v1/jobs/${waiting}`)).status).toBe(409);
    for (const id of [waiting, ...running]) {
      const answer = await server.request('POST', `/slipway/v1/jobs/${id}/cancel`);
      expect([answer.status, JSON.parse(answer.body).isCancelRequested]).toEqual([202, true]);
    }
    for (const id of [waiting, ...running]) {
      expect((await follow(id)).at(-1)).toMatchObject({ type: 'job:finished', state: 'cancelled' });
      expect(await job(id)).toMatchObject({ state: 'cancelled', attempts: id === waiting ? 0 : 1 });
    }
    expect(registry.repositories().flatMap((repository) => registry.tags(repository))).toEqual([]);
    stall.remove();
    const half = registry.misbehave({ match: { kind: 'manifest-put', repository: 'e/app' }, stall: true });
    const both = [...destinations('d'), ...destinations('e')];
    const id = idOf(await submit({ image: 'demo/app:v1', destinations: both }));
    while (half.hits === 0 || registry.tags('d/app').length === 0)
      await new Promise((resolve) => setTimeout(resolve, 20));
    await server.request('POST', `/slipway/v1/jobs/${id}/cancel`);
    await follow(id);
    expect(await job(id)).toMatchObject({
      state: 'cancelled',
      destinations: [{ state: 'pushed' }, { state: 'pending' }],
    });
    const again = await server.request('POST', `/slipway/v1/jobs/${waiting}/cancel`);
    expect([again.status, JSON.parse(again.body).state]).toEqual([202, 'cancelled']);
  });

  test('is found by state, destination and submitter, page by page, and can be forgotten', async () => {
    await load();
    const ids: string[] = [];
    for (const name of ['a', 'b', 'c']) {
      ids.push(idOf(await submit({ image: 'demo/app:v1', destinations: [`${registry.host}/${name}/app:1`] })));
    }
    for (const id of ids) await follow(id);
    const list = async (
      query: string,
    ): Promise<{ readonly jobs: readonly { readonly id: string }[]; readonly next?: string }> =>
      JSON.parse((await server.request('GET', `/slipway/v1/jobs?${query}`)).body);
    const found = async (query: string): Promise<readonly string[]> => (await list(query)).jobs.map(({ id }) => id);
    const newestFirst = [...ids].reverse();
    expect(await found('')).toEqual(newestFirst);
    expect(await found('state=pushed&state=failed')).toEqual(newestFirst);
    expect(await found('state=failed')).toEqual([]);
    expect(await found(`destination=${registry.host}/b/`)).toEqual([ids[1]]);
    expect(await found('principal=local')).toEqual(newestFirst);
    expect(await found('principal=nobody')).toEqual([]);
    const first = await list('limit=2');
    expect(first.jobs.map(({ id }) => id)).toEqual(newestFirst.slice(0, 2));
    expect(await found(`limit=2&before=${first.next}`)).toEqual(newestFirst.slice(2));
    expect((await server.request('DELETE', `/slipway/v1/jobs/${ids[0]}`)).status).toBe(204);
    expect((await server.request('GET', `/slipway/v1/jobs/${ids[0]}/events`)).status).toBe(404);
    expect(await found('')).toEqual(newestFirst.slice(0, 2));
  });

  test.each<[string, object, string]>([
    [
      'no destination',
      { image: 'demo/app:v1', destinations: [] },
      'body/destinations must NOT have fewer than 1 items',
    ],
    [
      'an unknown member',
      { image: 'demo/app:v1', destinations: ['a/b'], pasword: 'hunter2' },
      'body must NOT have additional properties: pasword',
    ],
    [
      'a credential that is no text',
      { image: 'a', destinations: ['a/b'], credentials: { 'ghcr.io': { password: ['hunter2'] } } },
      'body/credentials/ghcr.io/password must be string',
    ],
    [
      'credentials for no registry',
      { image: 'a', destinations: ['a/b'], credentials: { 'https://me:hunter2@ghcr.io/team': { username: 'a' } } },
      'credentials: a key is no registry, such as ghcr.io',
    ],
    [
      'credentials for one registry twice',
      {
        image: 'a',
        destinations: ['a/b'],
        credentials: {
          'docker.io': { registrytoken: 'hunter2' },
          'https://index.docker.io/v1/': { registrytoken: 'x' },
        },
      },
      'credentials: docker.io is named twice',
    ],
    [
      'an unknown name of credentials',
      { image: 'demo/app:v1', destinations: ['a/b'], credentialsName: 'ci' },
      'there are no credentials',
    ],
    [
      'a digest as destination',
      { image: 'demo/app:v1', destinations: [`a/b@sha256:${'0'.repeat(64)}`] },
      'names a digest, and a tag is wanted',
    ],
    ['a platform that is none', { image: 'demo/app:v1', destinations: ['a/b'], platform: '/' }, 'platform'],
  ])('with %s is refused, and the answer repeats no secret', async (_rule, body, message) => {
    await load();
    const answer = await submit(body);
    expect([answer.status, answer.body]).toEqual([400, expect.stringContaining(message)]);
    expect(answer.body).not.toContain('hunter2');
    expect(JSON.parse((await server.request('GET', '/slipway/v1/jobs')).body)).toEqual({ jobs: [] });
  });

  test('of an image that is not there, or an archive that is none, is refused at once', async () => {
    expect((await submit({ image: 'demo/none', destinations: ['a/b'] })).status).toBe(404);
    const answer = await server.request('POST', '/slipway/v1/jobs/archive?destination=a/b', { body: 'no archive' });
    expect([answer.status, JSON.parse(answer.body)]).toEqual([
      400,
      {
        code: 'ERR_SERVER_REQUEST',
        reason: 'ERR_SOURCE_INVALID',
        origin: 'source',
        message: expect.stringMatching(/^Cannot read "the archive": /),
      },
    ]);
    expect(await readdir(join(server.folder.path, 'data', 'jobs', 'archives'))).toEqual([]);
  });

  test.each(['demo/app:v9', 'v9', `sha256:${'9'.repeat(64)}`, '@4'])(
    'of %s, which the archive does not have, says what it has',
    async (image) => {
      const query = new URLSearchParams({ destination: 'a/b', image });
      const body = await readFile(archive);
      const answer = await server.request('POST', `/slipway/v1/jobs/archive?${query}`, { body });
      expect([answer.status, JSON.parse(answer.body)]).toMatchObject([
        400,
        { reason: 'ERR_SOURCE_NOT_FOUND', origin: 'source', hint: 'It holds: @0 demo/app:v1' },
      ]);
      expect(answer.body).not.toContain(server.folder.path);
    },
  );

  test('of an archive whose only image has a name like a position is pushed', async () => {
    const path = join(server.folder.path, 'odd.tar');
    await writeOciArchive(path, [{ content: await randomImage({ seed: 'odd' }), refName: '@7' }]);
    const query = new URLSearchParams({ destination: `${registry.host}/odd/app:1` });
    const body = await readFile(path);
    const id = idOf(await server.request('POST', `/slipway/v1/jobs/archive?${query}`, { body }));
    await follow(id);
    expect(await job(id)).toMatchObject({ state: 'pushed' });
  });

  test('of an archive is no job where the choice is malformed', async () => {
    const query = new URLSearchParams({ destination: 'a/b', image: '@x' });
    const answer = await server.request('POST', `/slipway/v1/jobs/archive?${query}`, { body: await readFile(archive) });
    expect([answer.status, JSON.parse(answer.body)]).toMatchObject([400, { reason: 'ERR_SOURCE_TEXT' }]);
    expect(answer.body).not.toContain(server.folder.path);
  });

  test.each([
    ['image', { image: 'demo/app:v1' }],
    ['tag', { image: 'v1' }],
    ['position', { image: '@0' }],
  ])('chooses an image of an archive by %s, also when it runs', async (_, choice) => {
    const query = new URLSearchParams({ destination: `${registry.host}/chosen/app:1`, ...choice });
    const body = await readFile(archive);
    const id = idOf(await server.request('POST', `/slipway/v1/jobs/archive?${query}`, { body }));
    await follow(id);
    expect(await job(id)).toMatchObject({ state: 'pushed' });
  });
});

/** All files below a folder, as one text. */
async function textBelow(folder: string): Promise<string> {
  // folders have no text, and some files are gone by now
  const texts = (await pathsBelow(folder)).map((file) => readFile(file, 'latin1').catch(() => ''));
  return (await Promise.all(texts)).join('\n');
}

test('credentials serve their job, and stand nowhere in the clear', async () => {
  await using guarded = await startRegistry({ auth: { kind: 'basic', users: { ci: 'hunter2-secret' } } });
  await load();
  const destinations = [`${guarded.host}/team/app:1`];
  const refused = idOf(await submit({ image: 'demo/app:v1', destinations }));
  await follow(refused);
  expect(await job(refused)).toMatchObject({ state: 'failed' });
  const slow = guarded.misbehave({ match: { kind: 'manifest-put' }, delayMs: 300 });
  // As docker writes addresses.
  const credentials = { [`https://${guarded.host}/v2/`]: { username: 'ci', password: 'hunter2-secret' } };
  const id = idOf(await submit({ image: 'demo/app:v1', destinations, credentials }));
  while (slow.hits === 0) await new Promise((resolve) => setTimeout(resolve, 20));
  const during = await textBelow(join(server.folder.path, 'data', 'jobs'));
  const events = await follow(id);
  expect(await job(id)).toMatchObject({ state: 'pushed' });
  const told = JSON.stringify([events, await job(id), server.log]) + during;
  expect(told).not.toContain('hunter2-secret');
  expect(told).not.toContain(Buffer.from('ci:hunter2-secret').toString('base64'));
});

test('the daemon’s own credentials are named, not known', async () => {
  await using guarded = await startRegistry({ auth: { kind: 'basic', users: { ci: 'hunter2-secret' } } });
  await using folder = await temporaryFolder();
  const file = join(folder.path, 'auth.json');
  const auth = Buffer.from('ci:hunter2-secret').toString('base64');
  await writeFile(file, JSON.stringify({ auths: { [guarded.host]: { auth } } }));
  await using daemon = await startTestDaemon({ jobCredentials: [`farm=${file}`], jobHistory: 1 });
  for (const tag of ['1', '2', '3']) {
    const query = new URLSearchParams({ destination: `${guarded.host}/team/app:${tag}`, credentialsName: 'farm' });
    const answer = await daemon.request('POST', `/slipway/v1/jobs/archive?${query}`, { body: await readFile(archive) });
    expect(answer.status).toBe(201);
    await daemon.request('GET', `/slipway/v1/jobs/${idOf(answer)}/events`);
  }
  expect(guarded.tags('team/app')).toEqual(['1', '2', '3']);
  const remembered = async (): Promise<number> =>
    JSON.parse((await daemon.request('GET', '/slipway/v1/jobs')).body).jobs.length;
  // as many as jobHistory says
  while ((await remembered()) > 1) await new Promise((resolve) => setTimeout(resolve, 20));
  expect(JSON.stringify(daemon.log)).not.toContain('hunter2-secret');
});

test('credentials that are sent are used, or refused beside a name: never replaced by the named ones', async () => {
  await using guarded = await startRegistry({ auth: { kind: 'basic', users: { ci: 'hunter2-secret' } } });
  await using folder = await temporaryFolder();
  const file = join(folder.path, 'auth.json');
  const auth = Buffer.from('ci:outdated').toString('base64');
  await writeFile(file, JSON.stringify({ auths: { [guarded.host]: { auth } } }));
  await using daemon = await startTestDaemon({ jobCredentials: [`farm=${file}`] });
  const credentials = { [guarded.host]: { username: 'ci', password: 'hunter2-secret' } };
  const query = new URLSearchParams({
    destination: `${guarded.host}/team/app:1`,
    credentialsName: 'farm',
    wait: '60s',
  });
  const body = await readFile(archive);
  const headers = { 'x-registry-config': Buffer.from(JSON.stringify(credentials)).toString('base64url') };
  const both = await daemon.request('POST', `/slipway/v1/jobs/archive?${query}`, { headers, body });
  expect([both.status, both.body]).toEqual([400, expect.stringContaining('exclude each other')]);
  const named = await daemon.request('POST', `/slipway/v1/jobs/archive?${query}`, { body });
  expect(JSON.parse(named.body)).toMatchObject({ state: 'failed', canRetry: true });
  const path = `/slipway/v1/jobs/${idOf(named)}`;
  const sent = { headers: json, body: JSON.stringify({ credentials }) };
  expect((await daemon.request('POST', `${path}/retry`, sent)).status).toBe(202);
  const ended = JSON.parse((await daemon.request('GET', `${path}?wait=60s`)).body);
  expect(ended).toMatchObject({ state: 'pushed', credentialsName: 'farm' });
});

test('who may not push there submits nothing and cancels nothing', async () => {
  await load();
  const { text } = await server.daemon.context.tokens.create({
    name: 'elsewhere',
    scopes: [{ kind: 'push', pattern: 'ghcr.io/team/*' }],
  });
  const headers = { ...json, authorization: `Bearer ${text}` };
  const body = JSON.stringify({ image: 'demo/app:v1', destinations: ['ghcr.io/team/app', `${registry.host}/a/app:1`] });
  const refused = await server.request('POST', '/slipway/v1/jobs', { tcp: true, headers, body });
  expect([refused.status, refused.body]).toEqual([403, expect.stringContaining('may not push to')]);
  expect(JSON.parse((await server.request('GET', '/slipway/v1/jobs')).body)).toEqual({ jobs: [] });
  const id = idOf(await submit({ image: 'demo/app:v1', destinations: [`${registry.host}/a/app:1`] }));
  const cancel = await server.request('POST', `/slipway/v1/jobs/${id}/cancel`, { tcp: true, headers });
  expect(cancel.status).toBe(404);
  await follow(id);
  expect(await job(id)).toMatchObject({ state: 'pushed' });
  expect((await server.request('GET', '/slipway/v1/jobs', { tcp: true })).status).toBe(401);
});
