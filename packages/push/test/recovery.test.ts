import { rm, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { contentOf, type Digest, digestBytes, encodedOf } from '@slipway/digest';
import type { SourceImage, SourceIndex, SourceLayer } from '@slipway/image-source';
import { buildDockerManifest, buildIndex, buildOciManifest, emptyDescriptor, mediaTypes } from '@slipway/manifest';
import { type Misbehaviour, readBack, requireTool, startDebianRegistry } from '@slipway/testkit';
import { describe, expect, test } from 'vitest';
import type { PushEvent, PushOptions } from '../src/index.ts';
import {
  type Bench,
  benchAt,
  countOf,
  digestOf,
  imageOf,
  noiseBytes,
  openBench,
  randomImage,
  textBytes,
} from './setup.ts';

const image = randomImage(41, [2000, 30_000, 150_000]);
const blobs = image.layers.length + 1;

function unknownBlob(detail?: unknown, code = 'MANIFEST_BLOB_UNKNOWN'): object {
  return { errors: [{ code, message: 'blob unknown to registry', detail }] };
}

/** A clock that tells how long it was waited for. */
function counting(): { now(): number; sleep(delayMs: number): Promise<void>; readonly waits: number[] } {
  const waits: number[] = [];
  return { now: () => 0, sleep: async (delayMs) => void waits.push(delayMs), waits };
}

function warnings(bench: Bench): string[] {
  return bench.events.flatMap((event) => (event.type === 'warning' ? event.code : []));
}

/** Digests that the manifest of tag 1 names. */
async function named(bench: Bench, repository: string): Promise<{ layers: Digest[]; config: Digest }> {
  const manifest = await bench.registry.manifest(repository, '1');
  const { layers, config } = JSON.parse(new TextDecoder().decode(manifest?.bytes)) as {
    layers: readonly { digest: Digest }[];
    config: { digest: Digest };
  };
  return { layers: layers.map(({ digest }) => digest), config: config.digest };
}

function uploads(bench: Bench): number {
  return countOf(bench.requests())['PUT blobs/uploads'] ?? 0;
}

async function remove(bench: Bench, path: string): Promise<void> {
  const answer = await fetch(`${bench.registry.url}/v2/${path}`, { method: 'DELETE' });
  expect(answer.status).toBe(202);
}

describe('what a registry will not take later either is not tried again', () => {
  const digest = `sha256:${'1'.repeat(64)}` as Digest;
  const urls = ['https://elsewhere.example/layer'];
  const descriptor = { mediaType: mediaTypes.dockerForeignLayerGzip, digest, size: 110, urls };
  const [own] = image.layers;
  const foreign = { diffID: digest, content: undefined, compression: 'none' as const, descriptor };

  test('a manifest with a layer that lies elsewhere', async () => {
    const clock = counting();
    await using bench = await openBench({ retry: { clock } });
    bench.registry.misbehave({ match: { kind: 'manifest-put' }, status: 500, body: unknownBlob({ digest }) });
    const [result] = await bench.push(imageOf([foreign, own!]), 'demo/app:1');
    expect(result).toMatchObject({ ok: false, error: { hint: expect.stringContaining('validation.manifests.urls') } });
    expect([countOf(bench.requests())['PUT manifests'], clock.waits]).toEqual([1, []]);
  });

  describe('a layer of a foreign type without an address', () => {
    const bytes = new Uint8Array(gzipSync(textBytes(1, 900)));
    const layer = { mediaType: mediaTypes.dockerForeignLayerGzip, digest: digestBytes(bytes), size: bytes.byteLength };
    const diffID = digestBytes(textBytes(1, 900));
    const odd = imageOf([{ diffID, content: contentOf(bytes), compression: 'gzip', descriptor: layer }]);
    const manifest = buildDockerManifest({
      config: { mediaType: odd.config.mediaType, digest: odd.config.digest, size: odd.config.bytes.byteLength },
      layers: [layer],
    });

    test.skipIf(requireTool('docker-registry'))('is refused by docker-registry for good', async () => {
      const clock = counting();
      await using bench = await benchAt(await startDebianRegistry(), { retry: { clock } });
      const [result] = await bench.push({ ...odd, manifest }, 'demo/app:1');
      expect(result).toMatchObject({ ok: false, error: { hint: expect.stringContaining('in the OCI format') } });
      expect([countOf(bench.requests())['PUT manifests'], clock.waits]).toEqual([1, []]);
      const [inOci] = await bench.push({ ...odd, manifest }, 'demo/app:1', { format: 'oci' });
      expect(inOci).toMatchObject({ ok: true });
    });

    test('that a registry has lost is sent again', async () => {
      await using bench = await openBench({ retry: { clock: counting() } });
      const body = unknownBlob({ digest: layer.digest });
      bench.registry.misbehave({ match: { kind: 'manifest-put' }, times: 1, status: 404, body });
      expect((await bench.push({ ...odd, manifest }, 'demo/app:1'))[0]).toMatchObject({ ok: true });
    });
  });

  test('a child whose digest is of an algorithm that it does not know', async () => {
    const clock = counting();
    await using bench = await openBench({ retry: { clock } });
    const body = { errors: [{ code: 'DIGEST_INVALID', message: 'digest invalid' }] };
    bench.registry.misbehave({ match: { kind: 'manifest-put' }, status: 400, body });
    const { bytes, mediaType } = buildOciManifest({ config: emptyDescriptor, layers: [] });
    const child = { mediaType, digest: digestBytes(bytes, 'sha512'), bytes };
    const described = { mediaType, digest: child.digest, size: bytes.byteLength };
    const blobs = [{ descriptor: emptyDescriptor, content: contentOf(new Uint8Array([123, 125])) }];
    const index: SourceIndex = {
      kind: 'index',
      names: [],
      manifest: buildIndex({ manifests: [described] }),
      children: [{ descriptor: described, item: { kind: 'artifact', names: [], manifest: child, blobs } }],
    };
    const [result] = await bench.push(index, 'demo/app:1');
    expect(result).toMatchObject({ ok: false, error: { hint: expect.stringContaining('digests of sha512') } });
    expect([countOf(bench.requests())['PUT manifests'], clock.waits]).toEqual([1, []]);
  });
});

describe('a registry that says it has what it lacks', () => {
  const head: Misbehaviour = {
    match: { kind: 'blob-head', repository: 'demo/app' },
    status: 200,
    body: '',
    omitHeaders: ['content-length'],
  };
  const mount: Misbehaviour = { match: { kind: 'mount', repository: 'demo/app' }, status: 201, body: '' };
  const naming = (digest: Digest): Misbehaviour => ({
    ...mount,
    match: { ...mount.match, path: new RegExp(`mount=${encodeURIComponent(digest)}`) },
    headers: { 'docker-content-digest': digest },
  });
  test.each<[string, (named: readonly Digest[]) => readonly Misbehaviour[]]>([
    ['at a HEAD', () => [head]],
    ['at a mount, by its digest', (named) => named.map(naming)],
    ['at both', () => [head, mount]],
  ])('%s is asked once more for nothing: everything is sent, and the push succeeds', async (_, rulesFor) => {
    await using bench = await openBench({ retry: { backoff: () => 1, clock: counting() } });
    await bench.push(image, 'demo/first:1'); // so that there are records to ask about
    await bench.push(randomImage(78), 'demo/app:0'); // of a repository that the registry does not know, it asks less
    const { layers, config } = await named(bench, 'demo/first');
    for (const rule of rulesFor([...layers, config])) bench.registry.misbehave(rule);
    bench.requests();
    bench.events.length = 0;
    const [result] = await bench.push(image, 'demo/app:1');
    if (result?.ok === false) throw result.error;
    await bench.registry.verify();
    expect(bench.registry.tags('demo/app')).toEqual(['0', '1']);
    // It names one blob at a time: that one is sent again, then all.
    expect(uploads(bench)).toBeLessThanOrEqual(blobs + 1);
    expect(new Set(warnings(bench))).toEqual(new Set(['blobs-lost']));
    // What was believed is forgotten: a further tag is pushed without a detour.
    bench.events.length = 0;
    await bench.push(image, 'demo/app:2');
    expect(warnings(bench)).toEqual([]);
  });

  test('with a status alone, at a mount, is not believed: everything is sent at once', async () => {
    await using bench = await openBench();
    await bench.push(image, 'demo/first:1');
    bench.registry.misbehave(mount);
    bench.requests();
    bench.events.length = 0;
    const [result] = await bench.push(image, 'demo/app:1');
    if (result?.ok === false) throw result.error;
    await bench.registry.verify();
    expect([uploads(bench), warnings(bench)]).toEqual([blobs, []]);
  });

  test('and never takes the manifest fails after one repetition, and says so', async () => {
    const clock = counting();
    await using bench = await openBench({ retry: { backoff: () => 1, clock } });
    bench.registry.misbehave({ match: { kind: 'manifest-put' }, status: 404, body: unknownBlob() });
    const [result] = await bench.push(image, 'demo/app:1');
    expect(result).toMatchObject({ ok: false, error: { op: 'push manifest' } });
    expect(uploads(bench)).toBe(2 * blobs);
    expect(clock.waits).toEqual([1000, 5000]);
    expect(warnings(bench)).toEqual(['manifest-retry', 'manifest-retry', 'blobs-lost']);
  });
});

describe('a registry that says it stored a blob before it was sent all of it', () => {
  const plain = noiseBytes(24 * 1024 * 1024); // more than sockets hold
  const content = new Uint8Array(gzipSync(plain, { level: 0 }));
  const identity = { digest: digestBytes(content), size: content.byteLength };
  const descriptor = { mediaType: mediaTypes.ociLayerGzip, ...identity };
  const layer: SourceLayer = {
    diffID: digestBytes(plain),
    content: contentOf(content),
    compression: 'gzip',
    descriptor,
  };
  const large = imageOf([layer]);
  const early: Misbehaviour = {
    match: { kind: 'upload-put', path: new RegExp(encodeURIComponent(identity.digest)) },
    status: 201,
    body: '',
  };

  test('fails the push when it does not have the blob, whatever it would take for a manifest', async () => {
    await using bench = await openBench();
    bench.registry.misbehave(early);
    const [result] = await bench.push(large, 'demo/app:1');
    expect(result).toMatchObject({
      ok: false,
      error: { origin: 'destination', cause: { reason: 'answered-early', status: 201 } },
    });
    expect(countOf(bench.requests())['PUT manifests']).toBeUndefined();
  });

  test('is believed when it has the blob, and says so when asked', async () => {
    await using bench = await openBench();
    expect(await bench.push(large, 'demo/app:1')).toMatchObject([{ ok: true }]);
    await using other = await benchAt(bench.registry);
    bench.registry.misbehave({ match: { kind: 'mount' }, status: 405 });
    bench.registry.misbehave(early);
    const [result] = await other.push(imageOf([layer], { comment: 'another' }), 'demo/app:2', { learn: 'off' });
    expect(result).toMatchObject({ ok: true });
    expect(other.events).toContainEqual(expect.objectContaining({ type: 'blob:existed', ...identity }));
  });
});

describe('replicas that are a moment behind', () => {
  test.each([
    ['MANIFEST_BLOB_UNKNOWN as 404', 404, 'MANIFEST_BLOB_UNKNOWN', 1, [1000]],
    ['MANIFEST_BLOB_UNKNOWN as 400', 400, 'MANIFEST_BLOB_UNKNOWN', 2, [1000, 5000]],
    ['BLOB_UNKNOWN', 404, 'BLOB_UNKNOWN', 1, [1000]],
  ])('%s after our own uploads is waited for, and nothing is sent twice', async (_, status, code, times, waits) => {
    const clock = counting();
    await using bench = await openBench({ retry: { backoff: () => 1, clock } });
    bench.registry.misbehave({ match: { kind: 'manifest-put' }, times, status, body: unknownBlob(undefined, code) });
    const [result] = await bench.push(image, 'demo/app:1');
    if (result?.ok === false) throw result.error;
    expect(clock.waits).toEqual(waits);
    expect(uploads(bench)).toBe(blobs);
  });

  test('a registry that names the blob gets that one again', async () => {
    const clock = counting();
    await using bench = await openBench({ retry: { backoff: () => 1, clock } });
    digestOf(await bench.push(image, 'demo/first:1'));
    const digest = (await named(bench, 'demo/first')).layers[1];
    bench.requests();
    bench.registry.misbehave({ match: { kind: 'manifest-put' }, times: 1, status: 404, body: unknownBlob({ digest }) });
    const [result] = await bench.push(image, 'demo/app:1');
    if (result?.ok === false) throw result.error;
    expect(clock.waits).toEqual([]); // all were mounted: there is nothing of ours to wait for
    expect(result?.totals).toMatchObject({ mounted: blobs, uploaded: 1 });
    expect(uploads(bench)).toBe(1);
  });
});

describe('an image that was damaged after it was pushed', () => {
  test('is unchanged as far as two requests tell, and nothing is said of its blobs', async () => {
    await using bench = await openBench();
    await bench.push(image, 'demo/app:1');
    bench.requests();
    bench.events.length = 0;
    const [result] = await bench.push(image, 'demo/app:1');
    expect(result).toMatchObject({ ok: true, unchanged: true, totals: { existed: 0, uploaded: 0 } });
    expect(bench.requests()).toEqual(['GET ping', 'HEAD manifests']);
    expect(bench.events.map(({ type }) => type)).toEqual(['push:started', 'manifest:pushed', 'push:finished']);
  });

  test('is repaired by `force`, blob, config and manifest, without a question before: each is looked at afterwards', async () => {
    await using bench = await openBench();
    const digest = digestOf(await bench.push(image, 'demo/app:1'));
    const { layers, config } = await named(bench, 'demo/app');
    await remove(bench, `demo/app/blobs/${layers[0]}`);
    await remove(bench, `demo/app/blobs/${config}`);
    await expect(bench.registry.verify()).rejects.toThrow();
    bench.requests();
    const [result] = await bench.push(image, 'demo/app:1', { force: true });
    expect(result).toMatchObject({ ok: true, digest, totals: { uploaded: blobs, existed: 0, mounted: 0 } });
    await bench.registry.verify();
    expect(countOf(bench.requests())).toEqual({
      'GET ping': 1,
      'POST blobs/uploads': blobs,
      'PUT blobs/uploads': blobs,
      'HEAD blobs': blobs, // a registry may keep the damaged file (decision 0376)
      'PUT manifests': 1,
      'HEAD manifests': 1,
    });
  });

  test.skipIf(requireTool('docker-registry')).each<[string, PushOptions]>([
    ['`force`', { force: true }],
    ['a push of a further tag, which sees it', {}],
  ])('is told by %s where the registry keeps the damaged file', async (_, options) => {
    await using bench = await benchAt(await startDebianRegistry());
    const pushed = digestOf(await bench.push(image, 'demo/app:1'));
    const { layers, config } = await readBack(bench.registry.host, 'demo/app', '1');
    const hex = encodedOf((layers[1] ?? config)?.digest ?? pushed);
    const file = join(bench.registry.folder, `data/docker/registry/v2/blobs/sha256/${hex.slice(0, 2)}/${hex}/data`);
    await truncate(file, 10);
    const other: SourceImage = options.force ? image : imageOf(image.layers, { comment: 'another' });
    const [result] = await bench.push(other, 'demo/app:2', options);
    expect(result).toMatchObject({
      ok: false,
      error: {
        message: expect.stringContaining(`keeps its damaged copy of sha256:${hex}`),
        hint: expect.stringContaining('garbage collection'),
      },
    });
    await rm(file);
    expect(await bench.push(other, 'demo/app:2', { force: true })).toMatchObject([{ ok: true }]);
    if (options.force) expect((await readBack(bench.registry.host, 'demo/app', '2')).digest).toBe(pushed);
  });

  test.each([
    ['with the bytes behind it', undefined, true],
    ['with other bytes behind it', 'damaged', false],
  ])('a length of 0 in every HEAD, %s', async (_, body, isPushed) => {
    await using bench = await openBench();
    bench.registry.misbehave({ match: { kind: 'blob-head' }, status: 200, headers: { 'content-length': '0' } });
    if (body !== undefined) bench.registry.misbehave({ match: { kind: 'blob-get' }, status: 200, body });
    const [result] = await bench.push(image, 'demo/app:1', { force: true });
    expect(result?.ok).toBe(isPushed);
  });

  test('of several destinations in one repository and in two, `force` sends each blob once a repository', async () => {
    await using bench = await openBench();
    const events: PushEvent[] = [];
    const onEvent = (event: PushEvent): void => void events.push(event);
    const results = await bench.push(image, ['demo/app:1', 'demo/app:2', 'demo/b:1'], { force: true, onEvent });
    expect(results.map(({ ok }) => ok)).toEqual([true, true, true]);
    expect(uploads(bench)).toBe(2 * blobs);
  });
});
