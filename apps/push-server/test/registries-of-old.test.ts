import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createTrustKey, formatTrustKey, parseTrustKey } from '@slipway/manifest/schema1';
import { randomImage, startRegistry, writeDockerArchive } from '@slipway/testkit';
import { readBackSchema1, readBackV1, startGraphRegistry, startV1Registry } from '@slipway/testkit/legacy';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { recordsOf, startTestDaemon, type TestDaemon, type TestResponse } from './daemon-fixture.ts';

let server: TestDaemon;
const tags = ['a', 'b', 'latest'];

beforeAll(async () => {
  server = await startTestDaemon();
  await load(server);
});
afterAll(async () => {
  await server?.[Symbol.asyncDispose]();
});

/**
 * Two images: one with two layers, and one with three and two tags. And one like the first, with a config of its own.
 */
async function load(daemon: TestDaemon): Promise<void> {
  const made = async (layers: number, config = {}): ReturnType<typeof randomImage> => {
    const sizes = Array.from({ length: layers }, () => ({ size: 3_000 }));
    return await randomImage({ seed: 'old', layers: sizes, emptySteps: 0, config });
  };
  const archive = join(daemon.folder.path, 'old.tar');
  await writeDockerArchive(archive, [
    { image: await made(2), references: ['demo/app:a'] },
    { image: await made(3), references: ['demo/app:b', 'demo/app:latest'] },
    { image: await made(2, { Labels: { other: 'yes' } }), references: ['other/app:a'] },
  ]);
  await daemon.request('POST', '/images/load', { body: await readFile(archive) });
}

/** Gives the images names at a registry. */
async function named(daemon: TestDaemon, name: string): Promise<string> {
  const repo = encodeURIComponent(name);
  for (const tag of tags) await daemon.request('POST', `/images/demo/app:${tag}/tag?repo=${repo}&tag=${tag}`);
  return name;
}

function statusesOf({ body }: TestResponse): readonly unknown[] {
  return recordsOf(body).flatMap(({ status, error }) => error ?? status ?? []);
}

const headers = { 'X-Registry-Auth': 'e30=' };

describe('docker push, all tags', () => {
  test.each([
    ['?format=v1', {}],
    ['?protocol=v1', {}],
    ['?protocol=auto', {}],
    ['', { 'X-Slipway-Format': 'v1' }],
  ])('over v1 (%j %j) is one push, in docker’s words, that reads back', async (query, further) => {
    await using registry = await startV1Registry();
    const name = await named(server, `${registry.host}/demo/app`);
    const answer = await server.request('POST', `/images/${name}/push${query}`, {
      headers: { ...headers, ...further },
    });
    const statuses = statusesOf(answer);
    expect(statuses.slice(0, 3)).toEqual([
      `The push refers to repository [${name}]`,
      'Sending image list',
      `Pushing repository ${name}`,
    ]);
    const pushed = statuses.filter((status) => status === 'Image successfully pushed');
    const list = registry.indexes.get('demo/app') as readonly { readonly id: string; readonly Tag?: string }[];
    expect(pushed).toHaveLength(new Set(list.map(({ id }) => id)).size);
    expect(list.flatMap(({ Tag }) => Tag ?? []).toSorted()).toEqual(tags);
    expect(
      statuses.filter((status) => /^Pushing tag for rev \[[0-9a-f]{12}\] on \{/.test(String(status))),
    ).toHaveLength(3);
    expect(answer.body).not.toContain('digest: sha256');
    const paths = registry.requests.map(({ method, path }) => `${method} ${path}`);
    expect(paths.filter((path) => path === 'PUT /v1/repositories/demo/app/')).toHaveLength(1);
    expect(paths.at(-1)).toBe('PUT /v1/repositories/demo/app/images');
    for (const [tag, layers] of Object.entries({ a: 2, b: 3, latest: 3 })) {
      expect(await readBackV1(registry.url, 'demo/app', tag)).toHaveLength(layers);
    }
  });

  test('as schema 1 is signed with the key of the data folder, and reads back', async () => {
    await using registry = await startRegistry({ schema1: true });
    const name = await named(server, `${registry.host}/demo/app`);
    const answer = await server.request('POST', `/images/${name}/push?format=schema1`, { headers });
    const { id } = parseTrustKey(await readFile(join(server.folder.path, 'data', 'key.json'), 'utf8'));
    for (const [tag, layers] of Object.entries({ a: 2, b: 3, latest: 3 })) {
      const back = await readBackSchema1(registry.url, 'demo/app', tag);
      expect(back.layers).toHaveLength(layers);
      expect(back.keys.map((key) => key.id)).toEqual([id]);
      expect(statusesOf(answer)).toContain(`${tag}: digest: ${back.digest} size: ${back.payload.byteLength}`);
    }
  });

  test('as of 2015 goes under TarSums, in docker’s words, and reads back', async () => {
    await using registry = await startGraphRegistry();
    const name = await named(server, `${registry.host}/demo/app`);
    const answer = await server.request('POST', `/images/${name}/push?format=schema1-2015`, { headers });
    expect(statusesOf(answer)).toContain('Buffering to Disk');
    expect(statusesOf(answer)).toContain('Image already exists');
    for (const [tag, layers] of Object.entries({ a: 2, b: 3, latest: 3 })) {
      const back = await readBackSchema1(registry.url, 'demo/app', tag);
      expect(back.layers.every(({ blobSum }) => /^tarsum\.v1\+sha256:/.test(blobSum))).toBe(true);
      expect(back.layers).toHaveLength(layers);
    }
  });

  test('of two images asks for the layers that they share once', async () => {
    await using registry = await startRegistry();
    const name = await named(server, `${registry.host}/demo/app`);
    const answer = await server.request('POST', `/images/${name}/push`, { headers });
    expect(registry.requests.filter(({ kind }) => kind === 'ping').length).toBeLessThanOrEqual(1);
    const uploads = registry.requests.filter(({ kind }) => kind === 'upload-put');
    const digests = uploads.map(({ query }) => query.get('digest'));
    expect(new Set(digests).size).toBe(digests.length);
    // configs are silent
    expect(statusesOf(answer).filter((status) => status === 'Pushed')).toHaveLength(digests.length - 2);
    for (const put of uploads) {
      const digest = put.query.get('digest') ?? '';
      // Configs are read to learn from; nothing is asked of what was sent.
      const later = registry.requests
        .slice(registry.requests.indexOf(put) + 1)
        .filter(({ method }) => method !== 'GET');
      expect(later.filter(({ path, query }) => path.endsWith(digest) || query.get('mount') === digest)).toEqual([]);
    }
    expect(recordsOf(answer.body).flatMap(({ aux }) => (aux as { Tag?: string } | undefined)?.Tag ?? [])).toEqual(tags);
    await registry.verify();
  });

  test('ends with the first tag that fails', async () => {
    await using registry = await startRegistry();
    const name = await named(server, `${registry.host}/demo/app`);
    registry.misbehave({ match: { kind: 'manifest-put', path: /\/b$/ }, status: 403 });
    const records = recordsOf((await server.request('POST', `/images/${name}/push`, { headers })).body);
    expect(registry.tags('demo/app')).toEqual(['a']);
    expect(records.at(-1)).toHaveProperty('error');
  });
});

const tagInvalid = { errors: [{ code: 'TAG_INVALID' }] };

describe('a registry that refuses a Docker manifest', () => {
  test('gets schema 1 where that was chosen for the push, with docker’s notice', async () => {
    await using registry = await startRegistry({ schema1: true });
    const name = await named(server, `${registry.host}/demo/app`);
    registry.misbehave({ match: { kind: 'manifest-put' }, times: 1, status: 400, body: tagInvalid });
    const answer = await server.request('POST', `/images/${name}/push?tag=a&schema1Fallback=true`, { headers });
    const { host } = registry;
    expect(statusesOf(answer)).toContain(
      `[DEPRECATION NOTICE] support for pushing manifest v2 schema1 images will be removed in an upcoming release. Please contact admins of the ${host} registry NOW to avoid future disruption. More information at https://docs.docker.com/registry/spec/deprecated-schema-v1/`,
    );
    await readBackSchema1(registry.url, 'demo/app', 'a');
  });

  test('gets it from a daemon that was started so, signed with the key that was named', async () => {
    const key = createTrustKey();
    await using other = await startTestDaemon();
    const trustKey = join(other.folder.path, 'trust.json');
    await writeFile(trustKey, formatTrustKey(key));
    await using daemon = await startTestDaemon({ schema1Fallback: true, trustKey });
    await load(daemon);
    await using registry = await startRegistry({ schema1: true });
    const name = await named(daemon, `${registry.host}/demo/app`);
    registry.misbehave({ match: { kind: 'manifest-put' }, times: 1, status: 400, body: tagInvalid });
    await daemon.request('POST', `/images/${name}/push?tag=a`, { headers });
    expect((await readBackSchema1(registry.url, 'demo/app', 'a')).keys.map(({ id }) => id)).toEqual([key.id]);
    // A push may still choose otherwise.
    registry.misbehave({ match: { kind: 'manifest-put' }, times: 1, status: 400, body: tagInvalid });
    const refused = await daemon.request('POST', `/images/${name}/push?tag=b&schema1Fallback=false`, { headers });
    expect(refused.body).toContain('[DEPRECATED] support for pushing manifest v2 schema1 images has been removed');
  });

  test('a key that is none stops the start', async () => {
    await expect(startTestDaemon({ trustKey: '/dev/null' })).rejects.toMatchObject({ code: 'ERR_SERVER_CONFIG' });
  });
});

describe('what docker has no words for is told all the same', () => {
  test('retries of the config and of the manifest reach the client', async () => {
    await using registry = await startRegistry();
    const name = await named(server, `${registry.host}/demo/app`);
    await server.request('POST', `/images/${name}/push?tag=a`, { headers }); // everything but another config
    await server.request('POST', `/images/other/app:a/tag?repo=${encodeURIComponent(name)}&tag=c`);
    registry.misbehave({ match: { kind: 'upload-put' }, times: 1, status: 500 });
    registry.misbehave({ match: { kind: 'manifest-put' }, times: 1, status: 503, headers: { 'retry-after': '1' } });
    const records = recordsOf((await server.request('POST', `/images/${name}/push?tag=c`, { headers })).body);
    const config = records.find(({ status }) => String(status).startsWith('Retrying in'))?.['id'];
    expect(config).toMatch(/^[0-9a-f]{12}$/);
    expect(records.filter(({ id }) => id === config).at(-1)).toMatchObject({ status: 'Pushed' });
    expect(records.filter(({ status }) => /^manifest c: retry 1 in \d+ s: /.test(String(status)))).toHaveLength(1);
    expect(records.at(-1)).toHaveProperty('aux');
  });
});

describe('settings of a push that make no sense', () => {
  test.each([
    ['format=schema2', 'invalid request: query/format must be equal to one of the allowed values'],
    ['schema1Fallback=perhaps', 'invalid request: query/schema1Fallback must be boolean'],
    ['format=schema1&compression=zstd', 'invalid request: registries of that age know gzip layers only'],
    ['protocol=v1&format=oci', 'invalid request: `protocol: v1` excludes `format: oci`'],
    ['protocol=v2&format=v1', 'invalid request: `protocol: v2` excludes `format: v1`'],
    ['format=docker&compression=zstd', 'invalid request: `format: docker` cannot hold zstd layers'],
    [
      'format=docker&compression=gzip,none',
      'invalid request: `format: docker` cannot tell layers of several kinds apart',
    ],
    ['format=schema1&compression=gzip,none', 'invalid request: registries of that age know gzip layers only'],
    ['learn=off&learnFrom=x', 'invalid request: `learn: off` excludes `learnFrom`'],
  ])('%s is answered 400', async (query, message) => {
    const { status, body } = await server.request('POST', `/images/demo/app/push?${query}`, { headers });
    expect([status, JSON.parse(body)]).toEqual([400, { message }]);
  });
});

test('several kinds of layers are one index, for a docker client and for a job', async () => {
  await using registry = await startRegistry();
  const name = await named(server, `${registry.host}/demo/kinds`);
  const pushed = await server.request('POST', `/images/${name}/push?tag=a&compression=gzip,zstd`, { headers });
  expect(recordsOf(pushed.body).at(-1)).toHaveProperty('aux');
  const destinations = [`${registry.host}/job/kinds:1`];
  const body = JSON.stringify({ image: 'demo/app:b', destinations, compression: 'zstd,none' });
  const submitted = await server.request('POST', '/slipway/v1/jobs', { body });
  const { id } = JSON.parse(submitted.body) as { readonly id: string };
  await vi.waitUntil(() => registry.tags('job/kinds').includes('1'), 60_000);
  const job = await server.request('GET', `/slipway/v1/jobs/${id}`);
  expect(JSON.parse(job.body)).toMatchObject({ compression: 'zstd,none' });
  for (const [repository, tag] of [
    ['demo/kinds', 'a'],
    ['job/kinds', '1'],
  ] as const) {
    const held = await registry.manifest(repository, tag);
    expect(held?.mediaType).toBe('application/vnd.oci.image.index.v1+json');
    expect(JSON.parse(new TextDecoder().decode(held?.bytes)).manifests).toHaveLength(2);
  }
});

describe('jobs', () => {
  test.each([
    [{ format: 'v1' }, 'v1'],
    [{ format: 'schema1' }, 'schema1'],
    [{ format: 'schema1-2015' }, 'graph'],
  ] as const)('%j reaches a registry of its age', async (settings, kind) => {
    await using registry =
      kind === 'v1'
        ? await startV1Registry()
        : kind === 'graph'
          ? await startGraphRegistry()
          : await startRegistry({ schema1: true });
    const body = JSON.stringify({ image: 'demo/app:b', destinations: [`${registry.host}/job/app:1`], ...settings });
    const submitted = await server.request('POST', '/slipway/v1/jobs', { body });
    expect(submitted.status).toBe(201);
    const { id } = JSON.parse(submitted.body) as { readonly id: string };
    const job = async (): Promise<Record<string, unknown>> =>
      JSON.parse((await server.request('GET', `/slipway/v1/jobs/${id}`)).body) as Record<string, unknown>;
    await vi.waitUntil(async () => !['queued', 'running'].includes(String((await job())['state'])), 60_000);
    expect(await job()).toMatchObject({ state: 'pushed', ...settings });
    if (kind === 'v1') expect(await readBackV1(registry.url, 'job/app', '1')).toHaveLength(3);
    else expect((await readBackSchema1(registry.url, 'job/app', '1')).layers).toHaveLength(3);
  });

  test('what does not fit together is refused at once', async () => {
    const body = JSON.stringify({ image: 'demo/app:b', destinations: ['a/b'], format: 'v1', compression: 'zstd' });
    expect(await server.request('POST', '/slipway/v1/jobs', { body })).toMatchObject({
      status: 400,
      body: '{"message":"invalid request: registries of that age know gzip layers only","code":"ERR_SERVER_REQUEST"}\n',
    });
  });
});
