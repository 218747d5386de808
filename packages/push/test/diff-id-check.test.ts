import { gzipSync } from 'node:zlib';
import { digestBytes } from '@slipway/digest';
import type { SourceImage, SourceLayer } from '@slipway/image-source';
import { buildOciManifest, mediaTypes } from '@slipway/manifest';
import { describe, expect, test } from 'vitest';
import { type CountedContent, countedContent } from './counted-content.ts';
import { imageOf, openBench, textBytes } from './setup.ts';

const plain = textBytes(7, 3_000_000);
const wrong = digestBytes(new Uint8Array(9));

/** An image of one layer that goes as it is, whose config says that it unpacks to `diffID`. */
function imageWith(
  content: CountedContent,
  {
    diffID,
    digest,
    compression,
  }: { diffID: SourceLayer['diffID']; digest: SourceLayer['diffID']; compression: 'gzip' | 'none' },
): SourceImage {
  const mediaType = compression === 'gzip' ? mediaTypes.ociLayerGzip : mediaTypes.ociLayer;
  const descriptor = { mediaType, digest, size: content.size };
  const base = imageOf([{ diffID, content, compression, descriptor }]);
  const config = { mediaType: mediaTypes.ociConfig, digest: base.config.digest, size: base.config.bytes.byteLength };
  return { ...base, manifest: buildOciManifest({ config, layers: [descriptor] }) };
}

describe('a push of an image whose config lies about a layer', () => {
  const gzipped = gzipSync(plain);
  const digest = digestBytes(gzipped);
  const gzipImage = (): SourceImage =>
    imageWith(countedContent(gzipped), { diffID: wrong, digest, compression: 'gzip' });

  test('fails at once, says so, and leaves no tag', async () => {
    await using bench = await openBench();
    const [result] = await bench.push(gzipImage(), 'lie/app:1', { verify: 'diffid' });
    expect(result).toMatchObject({ ok: false, error: { origin: 'source', cause: { code: 'ERR_DIGEST_MISMATCH' } } });
    expect(bench.registry.tags('lie/app')).toEqual([]);
    expect(bench.registry.hasBlob('lie/app', digest)).toBe(false);
  });

  test('goes through when only digests are asked for', async () => {
    await using bench = await openBench();
    expect(await bench.push(gzipImage(), 'lie/app:1', { verify: 'digest' })).toMatchObject([{ ok: true }]);
  });

  test.each([
    ['empty', new Uint8Array()],
    ['not empty', plain],
  ])('is refused where that costs nothing: of a plain layer that is %s', async (_, bytes) => {
    await using bench = await openBench();
    const content = countedContent(bytes);
    const image = imageWith(content, { diffID: wrong, digest: digestBytes(bytes), compression: 'none' });
    const [result] = await bench.push(image, 'lie/app:1', { verify: 'digest' });
    expect(result).toMatchObject({ ok: false, error: { origin: 'source', cause: { code: 'ERR_DIGEST_MISMATCH' } } });
    expect(bench.registry.hasBlob('lie/app', digestBytes(bytes))).toBe(false);
  });
});

describe('a blob that was damaged in the source', () => {
  const gzipped = gzipSync(plain);
  const damaged = gzipped.map((letter, at) => (at === gzipped.byteLength - 1000 ? letter ^ 1 : letter));
  const digest = digestBytes(gzipped);

  test.each([
    ['digest', 'one request', undefined],
    ['digest', 'chunks', 65_536],
    ['diffid', 'one request', undefined],
    ['diffid', 'chunks', 65_536],
  ] as const)('never gets its last byte sent: compared by %s, in %s', async (verify, _, chunkSize) => {
    await using bench = await openBench({ chunkSize });
    const content = countedContent(damaged, { chunkSize: 1000 });
    const image = imageWith(content, { diffID: digestBytes(plain), digest, compression: 'gzip' });
    const [result] = await bench.push(image, 'bad/app:1', { verify });
    expect(result).toMatchObject({ ok: false, error: { origin: 'source' } });
    const chunks = chunkSize === undefined ? 0 : Math.ceil(content.size / chunkSize);
    expect(content.handedOut()).toBeLessThanOrEqual(content.size + chunks * 1000);
    expect(bench.registry.hasBlob('bad/app', digest)).toBe(false);
    expect(bench.events.filter(({ type }) => type === 'blob:retrying')).toEqual([]);
  });
});

test.each([
  ['digest', 65_536],
  ['diffid', 65_536],
  ['digest', 50_000],
] as const)('a layer in chunks is read once: compared by %s, in chunks of %i bytes', async (verify, chunkSize) => {
  const gzipped = gzipSync(plain);
  const content = countedContent(gzipped, { chunkSize: 1000 });
  await using bench = await openBench({ chunkSize });
  const image = imageWith(content, { diffID: digestBytes(plain), digest: digestBytes(gzipped), compression: 'gzip' });
  const [result] = await bench.push(image, 'large/app:1', { verify });
  if (result?.ok !== true) throw result?.error;
  const chunks = Math.ceil(content.size / chunkSize);
  expect(bench.requests().filter((request) => request === 'PATCH blobs/uploads')).toHaveLength(chunks);
  // A chunk that ends within a chunk of the source leaves the rest of that one.
  expect(content.handedOut()).toBeLessThan(content.size + chunks * 1000);
  if (chunkSize === 50_000) expect(content.handedOut()).toBe(content.size);
  await bench.registry.verify();
});
