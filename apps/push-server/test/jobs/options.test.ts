import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { optionsOf } from '@slipway/client/options';
import { type EmbeddedRegistry, randomImage, readBack, startRegistry, writeDockerArchive } from '@slipway/testkit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseScope } from '../../src/security/scope.ts';
import { startTestDaemon, type TestDaemon, type TestResponse } from '../daemon-fixture.ts';

let registry: EmbeddedRegistry;
let server: TestDaemon;
let archive: Buffer;
beforeAll(async () => {
  registry = await startRegistry();
  server = await startTestDaemon();
  const path = join(server.folder.path, 'app.tar');
  const [one, two] = [
    await randomImage({ seed: 'one', layers: [{ size: 200_000 }, {}] }),
    await randomImage({ seed: 'two' }),
  ];
  await writeDockerArchive(path, [
    { image: one, references: ['team/app:v1', 'team/app:latest'] },
    { image: two, references: ['team/app:v2'] },
  ]);
  archive = await readFile(path);
  await server.request('POST', '/images/load?quiet=1', { body: archive });
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await registry[Symbol.asyncDispose]();
});

async function submit(body: object, headers: Readonly<Record<string, string>> = {}): Promise<TestResponse> {
  return await server.request('POST', '/slipway/v1/jobs', {
    tcp: headers['authorization'] !== undefined,
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  });
}

interface EndedJob {
  readonly id: string;
  readonly state: string;
  readonly destinations: readonly { readonly reference: string; readonly state: string; readonly digest?: string }[];
}

/** The job once it has ended, and all it told. */
async function ended(answer: TestResponse): Promise<{ readonly job: EndedJob; readonly events: string }> {
  expect([answer.status, answer.body]).toEqual([201, expect.any(String)]);
  const { id } = JSON.parse(answer.body);
  const { body: events } = await server.request('GET', `/slipway/v1/jobs/${id}/events`);
  return { job: JSON.parse((await server.request('GET', `/slipway/v1/jobs/${id}`)).body), events };
}

const to = (name: string): string => `${registry.host}/${name}`;

describe('a registry as the source', () => {
  test('is pinned to what the tag names at the submission', async () => {
    const first = await ended(await submit({ image: 'team/app:v1', destinations: [to('src/app:moving')] }));
    const [{ digest } = {}] = first.job.destinations;
    const answer = await submit({ image: `docker://${to('src/app:moving')}`, destinations: [to('dst/app:1')] });
    expect(JSON.parse(answer.body)).toMatchObject({
      source: 'registry',
      digest,
      image: `docker://${to('src/app:moving')}`,
    });
    const { job, events } = await ended(answer);
    expect(job).toMatchObject({ state: 'pushed', destinations: [{ digest }] });
    expect((await readBack(registry.host, 'dst/app', '1')).digest).toBe(digest);
    expect(events).toContain(
      `"destinations":[{"reference":"${to('dst/app:1')}","state":"pushed","digest":"${digest}"}]`,
    );
    // The key means the content: the tag that has moved is another request.
    const key = { 'idempotency-key': 'mirror' };
    const mirror = { image: `docker://${to('src/app:moving')}`, destinations: [to('dst/app:2')] };
    expect((await submit(mirror, key)).status).toBe(201);
    expect((await submit(mirror, key)).status).toBe(200);
    await ended(await submit({ image: 'team/app:v2', destinations: [to('src/app:moving')] }));
    expect((await submit(mirror, key)).status).toBe(422);
  });

  test.each([
    ['docker://%/none/app:1', 404, 'there is no image'],
    ['docker://127.0.0.1:1/none/app:1', 502, 'cannot read the source docker://127.0.0.1:1/none/app:1'],
    ['docker://', 400, 'invalid reference format'],
    ['docker://r/Upper', 400, 'must be lowercase'],
  ])('%s is refused with %i', async (image, status, message) => {
    const answer = await submit({ image: image.replace('%', registry.host), destinations: [to('dst/app:3')] });
    expect([answer.status, answer.body]).toEqual([status, expect.stringContaining(message)]);
  });

  test('is read with the credentials of the job, and so is every repository with all its tags', async () => {
    await using locked = await startRegistry({ auth: { kind: 'basic', users: { ann: 'secret' } } });
    const credentials = { [locked.host]: { username: 'ann', password: 'secret' } };
    const place = `${locked.host}/team/app`;
    const { job: up } = await ended(
      await submit({ image: 'team/app', allTags: true, destinations: [place], credentials }),
    );
    expect(up.state).toBe('pushed');
    const image = `docker://${place}`;
    expect((await submit({ image: `${image}:v1`, destinations: [to('dst/locked:1')] })).status).toBe(502);
    const { job } = await ended(
      await submit({ image: `${image}:v1`, destinations: [to('dst/locked:1')], credentials }),
    );
    expect(job.state).toBe('pushed');
    const { job: all } = await ended(
      await submit({ image, allTags: true, tags: 'v*', destinations: [to('dst/mirror')], credentials }),
    );
    expect(all).toMatchObject({ state: 'pushed', allTags: true, tags: 'v*' });
    expect(all.destinations.map((each) => each.reference).sort()).toEqual([to('dst/mirror:v1'), to('dst/mirror:v2')]);
  });

  test('needs a right on it, and on the list of registries', async () => {
    const scopes = [`push:${registry.host}/own/**`, `load:${registry.host}/shared/**`].map(parseScope);
    const { text } = await server.daemon.context.tokens.create({ name: 'reader', scopes, expiresInMs: undefined });
    const headers = { authorization: `Bearer ${text}` };
    for (const [name, status] of [
      ['own', 404],
      ['shared', 404],
      ['src', 403],
    ] as const) {
      const image = `docker://${to(`${name}/nothing:1`)}`;
      expect([name, (await submit({ image, destinations: [to('own/app:1')] }, headers)).status]).toEqual([
        name,
        status,
      ]);
    }
    await using closed = await startTestDaemon({ allowRegistries: ['ghcr.io', registry.host] });
    const body = { image: 'docker://127.0.0.1:1/a:1', destinations: [to('own/app:1')] };
    const json = { 'content-type': 'application/json' };
    for (const each of [body, { image: `docker://${to('a:1')}`, destinations: ['127.0.0.1:1/a:1'] }]) {
      const answer = await closed.request('POST', '/slipway/v1/jobs', { headers: json, body: JSON.stringify(each) });
      expect([answer.status, answer.body]).toEqual([403, expect.stringContaining('--allow-registry')]);
    }
    const push = await closed.request('POST', '/images/127.0.0.1:1/a/push?tag=1', {
      headers: { 'x-registry-auth': '' },
    });
    expect(push.body).toContain('does not exist locally');
    const login = await closed.request('POST', '/auth', { headers: json, body: '{"serveraddress":"127.0.0.1:1"}' });
    expect(login.status).toBe(403);
  });
});

describe('all tags', () => {
  test('of an archive, and of the store as they are at the submission', async () => {
    const query = new URLSearchParams({ destination: to('team/app'), allTags: 'true', tags: 'v?' });
    const up = await server.request('POST', `/slipway/v1/jobs/archive?${query}`, { body: archive });
    const { job } = await ended(up);
    expect(job.destinations.map((each) => each.reference).sort()).toEqual([to('team/app:v1'), to('team/app:v2')]);
    const stall = registry.misbehave({ match: { kind: 'manifest-put', repository: 'held/team/app' }, stall: true });
    const held = await submit({ image: 'team/app', allTags: true, destinations: [to('held/team/app')], into: true });
    await server.request('POST', '/images/team/app:v2/tag?repo=team/app&tag=v3');
    stall.remove();
    const { job: stored } = await ended(held);
    expect([stored.state, stored.destinations.length]).toEqual(['pushed', 3]);
    await server.request('DELETE', '/images/team/app:v3');
  });

  test('of other repositories fail with what to do, and name no file of the daemon', async () => {
    const query = new URLSearchParams({ destination: to('else/where'), allTags: 'true' });
    const { job } = await ended(await server.request('POST', `/slipway/v1/jobs/archive?${query}`, { body: archive }));
    expect(job).toMatchObject({
      state: 'failed',
      error: {
        code: 'ERR_CLIENT_TAGS',
        message: expect.stringMatching(/^none of the tags of the archive is one of .*: they belong to team\/app$/),
        hint: expect.stringContaining('`into`'),
      },
    });
  });

  test('of one image of an archive are refused', async () => {
    const query = new URLSearchParams({ destination: to('team/app'), allTags: 'true', image: 'team/app:v1' });
    const answer = await server.request('POST', `/slipway/v1/jobs/archive?${query}`, { body: archive });
    expect([answer.status, answer.body]).toEqual([400, expect.stringContaining('allTags takes all of the archive')]);
  });

  test('a failed one is retried as a whole', async () => {
    const refusal = registry.misbehave({ match: { kind: 'manifest-put', repository: 'again/app' }, status: 400 });
    const { job } = await ended(
      await submit({ image: 'team/app', allTags: true, into: true, destinations: [to('again/app')] }),
    );
    expect(job).toMatchObject({ state: 'failed', canRetry: true });
    expect(job.destinations.every((each) => each.state === 'failed')).toBe(true);
    refusal.remove();
    const retried = await server.request('POST', `/slipway/v1/jobs/${job.id}/retry`);
    expect([retried.status, JSON.parse(retried.body).destinations]).toEqual([
      202,
      [{ reference: to('again/app'), state: 'pending' }],
    ]);
    expect((await ended({ ...retried, status: 201 })).job).toMatchObject({ state: 'pushed' });
    expect([...registry.tags('again/app')].sort()).toEqual(['latest', 'v1', 'v2']);
  });

  test.each([
    [{ image: 'team/none', allTags: true, destinations: ['%/x/y'] }, 404, 'no tags to push for team/none'],
    [{ image: 'team/app', allTags: true, destinations: ['%/x/y:1'] }, 400, 'takes repositories'],
    [{ image: 'team/app:v1', tags: 'v*', destinations: ['%/x/y:1'] }, 400, '`tags` chooses among the tags'],
    [{ image: 'docker://%/src/app:1', allTags: true, destinations: ['%/x/y'] }, 400, 'allTags takes repositories'],
    [{ image: 'team/app:v1', allTags: true, destinations: ['%/x/y'] }, 400, 'allTags takes repositories'],
  ])('%j is refused', async (body, status, message) => {
    const answer = await submit(JSON.parse(JSON.stringify(body).replaceAll('%', registry.host)));
    expect([answer.status, answer.body]).toEqual([status, expect.stringContaining(message)]);
  });
});

test('a dry run plans, and writes nothing', async () => {
  const before = registry.requests.length;
  const { job, events } = await ended(
    await submit({ image: 'team/app:v1', dryRun: true, destinations: [to('dry/app:1')] }),
  );
  expect(job).toMatchObject({ state: 'planned', dryRun: true, destinations: [{ state: 'planned' }] });
  expect(events).toContain('event: blob:planned');
  const written = registry.requests.slice(before).filter(({ method }) => method !== 'HEAD' && method !== 'GET');
  expect(written).toEqual([]);
  const listed = await server.request('GET', '/slipway/v1/jobs?state=planned');
  expect(JSON.parse(listed.body).jobs.map(({ id }: { id: string }) => id)).toEqual([job.id]);
});

test('every option of the table is taken, and checked', async () => {
  const right: Readonly<Record<string, unknown>> = {
    platform: 'linux/amd64',
    ...{
      format: 'oci',
      protocol: 'v2',
      compression: ['gzip'],
      recompress: true,
      compressionLevel: 4,
      compressor: 'zlib',
    },
    ...{ verify: 'diffid', learn: 'verify', learnFrom: 'v1', force: true, referrers: true, dryRun: false },
    ...{ limitRate: '10MB', maxRequestsPerSecond: 500, retries: 1, timeout: '20s' },
    ...{ allTags: false, into: false, schema1Fallback: false },
  };
  const names = optionsOf('job').map(([name]) => name);
  expect(names.filter((name) => !(name in right))).toEqual(['tags', 'newerThan']); // go with allTags alone
  const { job } = await ended(await submit({ image: 'team/app:v1', destinations: [to('opt/app:1')], ...right }));
  expect(job).toMatchObject({ state: 'pushed', ...right });
  for (const name of names) {
    const answer = await submit({ image: 'team/app:v1', destinations: [to('opt/app:1')], [name]: { no: 'value' } });
    expect([name, answer.status]).toEqual([name, 400]);
  }
});

test.each([
  [{ compressionLevel: 15 }, 'zstd'],
  [{ retries: -1 }, 'retries'],
  [{ timeout: '0s' }, '`timeout`'],
  [{ limitRate: 'fast' }, '`limitRate`'],
  [{ newerThan: '30d' }, '`newerThan` chooses'],
  [{ platform: 'none' }, '`platform`'],
  [{ dryRun: true, format: 'v1' }, '`dryRun`'],
  [{ signKey: '/etc/shadow' }, 'signKey'],
  [{ plainHttp: true }, 'plainHttp'],
])('%j is answered 400', async (options, message) => {
  const answer = await submit({ image: 'team/app:v1', destinations: [to('opt/app:2')], ...options });
  expect([answer.status, answer.body]).toEqual([400, expect.stringContaining(message)]);
});

test('the daemon’s level of gzip counts beside zstd', async () => {
  const digests = new Set<string>();
  for (const compressionLevel of [1, 9]) {
    await using daemon = await startTestDaemon({ compressionLevel });
    await daemon.request('POST', '/images/load?quiet=1', { body: archive });
    const name = `level/${compressionLevel}`;
    const answer = await daemon.request('POST', '/slipway/v1/jobs', {
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        ...{ image: 'team/app:v1', compression: 'gzip,zstd', compressor: 'zlib', destinations: [to(`${name}:1`)] },
      }),
    });
    await daemon.request('GET', `/slipway/v1/jobs/${JSON.parse(answer.body).id}/events`);
    const { children } = await readBack(registry.host, name, '1');
    const layers = children.flatMap((child) => child.layers).filter(({ mediaType }) => mediaType.endsWith('+gzip'));
    expect(layers.length).toBe(2);
    digests.add(layers.map(({ digest }) => digest).join());
  }
  expect(digests.size).toBe(2);
});
