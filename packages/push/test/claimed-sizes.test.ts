import { gzipSync } from 'node:zlib';
import { contentOf, digestBytes } from '@slipway/digest';
import type { SourceImage } from '@slipway/image-source';
import { buildOciManifest, mediaTypes } from '@slipway/manifest';
import { expect, test } from 'vitest';
import { type Bench, countOf, imageOf, openBench, outcomes, textBytes } from './setup.ts';

const plain = textBytes(311, 40_000);
const bytes = new Uint8Array(gzipSync(plain));
const digest = digestBytes(bytes);

/** What a registry source hands out: the size of its layer is what the manifest says, and nobody has read the layer. */
function claiming(size: number, heldIn: string): SourceImage {
  const descriptor = { mediaType: mediaTypes.ociLayerGzip, digest, size };
  const { config, ...image } = imageOf([
    { diffID: digestBytes(plain), content: { ...contentOf(bytes), size }, compression: 'gzip', descriptor },
  ]);
  const ociConfig = { ...config, mediaType: mediaTypes.ociConfig };
  const manifest = buildOciManifest({
    config: { mediaType: ociConfig.mediaType, digest: config.digest, size: config.bytes.byteLength },
    layers: [descriptor],
  });
  return { ...image, config: ociConfig, manifest: { ...manifest }, heldIn };
}

/** Puts the layer into a repository, past everything that this machine remembers. */
async function seed(bench: Bench, repository: string): Promise<void> {
  const begun = await fetch(`${bench.registry.url}/v2/${repository}/blobs/uploads/`, { method: 'POST' });
  const location = new URL(begun.headers.get('location') ?? '', bench.registry.url);
  location.searchParams.set('digest', digest);
  expect((await fetch(location, { method: 'PUT', body: bytes })).status).toBe(201);
}

const elsewhere = 'source.example/team/app';

test.each([
  ['less', 1],
  ['one byte more', bytes.byteLength + 1],
  ['more than a registry holds', Number.MAX_SAFE_INTEGER],
])('a size that only a registry source claims, %s, is not believed of a blob that is there', async (_, size) => {
  await using bench = await openBench();
  await seed(bench, 'demo/app');
  const [result] = await bench.push(claiming(size, elsewhere), 'demo/app:1');
  expect(result).toMatchObject({ ok: false, error: { origin: 'source' } });
  expect(bench.registry.tags('demo/app')).toEqual([]);
});

test('nor of one that is mounted from where it came from', async () => {
  await using bench = await openBench();
  await seed(bench, 'from/app');
  const [result] = await bench.push(claiming(7, `${bench.registry.host}/from/app`), 'demo/app:1');
  expect(result).toMatchObject({ ok: false, error: { origin: 'source' } });
  expect(bench.registry.tags('demo/app')).toEqual([]);
});

test.each<[string, (bench: Bench) => string, string, object]>([
  ['there', () => elsewhere, 'demo/app', { 'blob:existed': 1, 'blob:pushed': 1 }],
  ['mounted', ({ registry }) => `${registry.host}/from/app`, 'from/app', { 'blob:mounted': 1, 'blob:pushed': 1 }],
])('the right size of a blob that is %s costs one question', async (_, heldIn, repository, expected) => {
  await using bench = await openBench();
  await seed(bench, repository);
  const image = claiming(bytes.byteLength, heldIn(bench));
  expect(await bench.push(image, 'demo/app:1')).toMatchObject([{ ok: true }]);
  expect(outcomes(bench.events)).toEqual(expected);
  expect(countOf(bench.requests())['HEAD blobs']).toBe(1);
  await bench.registry.verify();
});

test('a registry that does not say the size of what it has is believed', async () => {
  await using bench = await openBench();
  await seed(bench, 'demo/app');
  bench.registry.misbehave({ match: { kind: 'blob-head' }, omitHeaders: ['content-length'] });
  expect(await bench.push(claiming(bytes.byteLength, elsewhere), 'demo/app:1')).toMatchObject([{ ok: true }]);
  expect(outcomes(bench.events)['blob:existed']).toBe(1);
});

test('one that will not be asked is sent the blob', async () => {
  await using bench = await openBench();
  await seed(bench, 'demo/app');
  bench.registry.misbehave({ match: { kind: 'blob-head' }, status: 405 });
  expect(await bench.push(claiming(bytes.byteLength, elsewhere), 'demo/app:1')).toMatchObject([{ ok: true }]);
  expect(outcomes(bench.events)).toEqual({ 'blob:pushed': 2 });
});

test('a manifest that the source has taken is not too long for the push: the registry decides', async () => {
  await using bench = await openBench();
  const image = claiming(bytes.byteLength, elsewhere);
  const manifest = JSON.parse(new TextDecoder().decode(image.manifest?.bytes)) as object;
  const long = new TextEncoder().encode(JSON.stringify({ ...manifest, annotations: { note: 'x'.repeat(4_500_000) } }));
  const named = { mediaType: mediaTypes.ociManifest, digest: digestBytes(long), bytes: long };
  const [result] = await bench.push({ ...image, manifest: named }, 'demo/app:1');
  expect(result?.ok === true ? 'pushed' : result?.error.cause).toEqual(expect.objectContaining({ status: 413 }));
});
