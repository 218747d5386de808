import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { contentOf, digestBytes } from '@slipway/digest';
import { mediaTypes } from '@slipway/manifest';
import { type DebianRegistry, findTool, startDebianRegistry } from '@slipway/testkit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openRegistry, type Registry } from '../src/index.ts';
import { beginSession, collect, listOf, manifestOf, testBytes, uploadShapes } from './push-through.ts';

const layer = testBytes(1_200_000);
const digest = digestBytes(layer);

// Needs Debian's docker-registry, which not every machine has.
describe.skipIf(findTool('docker-registry') === undefined)('distribution 2.8', () => {
  let server: DebianRegistry;
  let registry: Registry;

  beforeAll(async () => {
    server = await startDebianRegistry();
    registry = openRegistry({ url: server.url });
  });

  afterAll(async () => {
    await registry?.[Symbol.asyncDispose]();
    await server?.[Symbol.asyncDispose]();
  });

  test('it answers the ping as a v2 registry', async () => {
    expect(await registry.ping()).toMatchObject({ status: 200, apiVersions: ['registry/2.0'] });
  });

  test.each(Object.keys(uploadShapes) as (keyof typeof uploadShapes)[])(
    'a blob goes up by %s and reads back',
    async (shape) => {
      const repository = registry.repository(`demo/${shape}`);
      expect(await repository.statBlob(digest)).toBeUndefined();
      await using session = await beginSession(repository);
      await uploadShapes[shape](session, contentOf(layer), digest);
      expect(await repository.statBlob(digest)).toEqual({ digest, size: layer.byteLength });
      expect(digestBytes(await collect(repository.openBlob(digest)))).toBe(digest);
      expect(await collect(repository.openBlob(digest, { from: 1_199_000 }))).toEqual(layer.subarray(1_199_000));
    },
  );

  test('a manifest goes up under a tag, is found by tag and digest, and is listed', async () => {
    const repository = registry.repository('demo/manifest');
    await using session = await beginSession(repository);
    await session.put(contentOf(layer), digest);
    const manifest = manifestOf(layer, mediaTypes.dockerManifest);
    const mediaType = mediaTypes.dockerManifest;
    expect(await repository.statManifest('v1')).toBeUndefined();
    for (const tag of ['v1', 'v2', 'v3']) await repository.putManifest(tag, manifest, { mediaType });
    const manifestDigest = digestBytes(manifest);
    expect(await repository.statManifest('v1')).toEqual({
      mediaType,
      digest: manifestDigest,
      size: manifest.byteLength,
    });
    expect(await repository.getManifest(manifestDigest)).toEqual({
      mediaType,
      digest: manifestDigest,
      bytes: manifest,
    });
    expect(await listOf(repository.listTags({ pageSize: 2 }))).toEqual(['v1', 'v2', 'v3']);
  });

  test('a repository that does not exist is told from one without tags', async () => {
    await expect(listOf(registry.repository('demo/none').listTags())).rejects.toMatchObject({
      code: 'ERR_REGISTRY_NOT_FOUND',
    });
  });

  test('a blob of a neighbour is mounted', async () => {
    const from = registry.repository('demo/from');
    await using session = await beginSession(from);
    await session.put(contentOf(layer), digest);
    const to = registry.repository('demo/to');
    expect(await to.beginUpload({ mount: { digest, from: 'demo/from' } })).toEqual({ kind: 'mounted', digest });
    expect(await to.statBlob(digest)).toEqual({ digest, size: layer.byteLength });
  });

  test('a mount that fails leaves a session to upload with', async () => {
    const repository = registry.repository('demo/mount-miss');
    const begun = await repository.beginUpload({ mount: { digest, from: 'demo/nobody' } });
    if (begun.kind !== 'session') throw new Error('Expected a session');
    await begun.session.put(contentOf(layer), digest);
    expect(await repository.statBlob(digest)).toEqual({ digest, size: layer.byteLength });
  });

  test('a session is taken up again between chunks from its last location', async () => {
    const repository = registry.repository('demo/resumed');
    const first = await beginSession(repository);
    await first.append(contentOf(layer.subarray(0, 500_000)));
    first.keep();
    await first[Symbol.asyncDispose]();
    await using second = await repository.resumeUpload(first.location);
    expect(second.offset).toBe(500_000);
    await second.put(contentOf(layer), digest);
    expect(await repository.statBlob(digest)).toEqual({ digest, size: layer.byteLength });
  });

  test('a session that was left is gone', async () => {
    const repository = registry.repository('demo/left');
    const session = await beginSession(repository);
    await session.stream(contentOf(layer));
    await session[Symbol.asyncDispose]();
    await expect(repository.resumeUpload(session.location)).rejects.toMatchObject({
      code: 'ERR_SESSION_LOST',
      transient: true,
    });
  });

  test('a commit with another digest is refused with the registry’s words', async () => {
    const repository = registry.repository('demo/wrong');
    await using session = await beginSession(repository);
    await session.stream(contentOf(layer));
    await expect(session.commit(digestBytes(new Uint8Array(1)))).rejects.toMatchObject({
      status: 400,
      diagnostics: [{ code: 'DIGEST_INVALID', bare: false }],
      dockerMessage: 'digest invalid: provided digest did not match uploaded content',
    });
  });
});

// As above.
describe.skipIf(findTool('docker-registry') === undefined)('distribution 2.8 with a password', () => {
  test('Basic credentials are shown where they are asked for', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'slipway-htpasswd-'));
    const path = join(folder, 'htpasswd');
    // bcrypt of secret-word
    await writeFile(path, 'ann:$2y$05$slipwayslipwayslipwaueGG/hWflKR1agxSHQw8nI8o9XhPs6KvG\n');
    await using server = await startDebianRegistry({ config: { auth: { htpasswd: { realm: 'r', path } } } });
    const credentials = async () => ({ kind: 'basic', username: 'ann', password: 'secret-word' }) as const;
    await using registry = openRegistry({ url: server.url, credentials });
    await using session = await beginSession(registry.repository('demo/app'));
    await session.put(contentOf(layer), digest);
    expect(await registry.repository('demo/app').statBlob(digest)).toEqual({ digest, size: layer.byteLength });
    await rm(folder, { recursive: true });
  });

  test('without credentials nothing is tried', async () => {
    await using server = await startDebianRegistry({ users: { ann: 'secret-word' } });
    await using registry = openRegistry({ url: server.url, name: 'registry.example' });
    await expect(registry.repository('demo/app').statBlob(digest)).rejects.toMatchObject({
      code: 'ERR_REGISTRY_UNAUTHORIZED',
      dockerMessage: 'no basic auth credentials',
      hint: 'slipway login registry.example',
    });
  });
});
