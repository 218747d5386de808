import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { contentOf, createGzipCompressor, createZstdCompressor, digestBytes } from '@slipway/digest';
import { openLayerCache } from '@slipway/layer-cache';
import { RegistryError } from '@slipway/registry-client';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { countedContent } from './counted-content.ts';
import { imageOf, openBench, plainLayer, randomImage, textBytes } from './setup.ts';

let root: string;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'slipway-copies-'));
});

afterAll(async () => {
  await rm(root, { recursive: true, force: true });
});

/** Changes one byte in the middle of every file that a cache keeps. */
async function damageAll(folder: string): Promise<void> {
  const blobs = join(folder, 'blobs/sha256');
  for (const name of await readdir(blobs)) {
    const bytes = await readFile(join(blobs, name));
    await writeFile(
      join(blobs, name),
      bytes.map((letter, at) => (at === bytes.byteLength >>> 1 ? letter ^ 1 : letter)),
    );
  }
}

test.each([
  ['in one request', undefined],
  ['in chunks', 20_000],
] as const)('kept layers that were damaged on the disk are compressed again; sent %s', async (_, chunkSize) => {
  const folder = await mkdtemp(join(root, 'cache-'));
  await using layerCache = await openLayerCache({ folder });
  const image = randomImage(31);
  {
    await using bench = await openBench({ layerCache });
    expect(await bench.push(image, 'demo/app:1')).toMatchObject([{ ok: true }]);
  }
  await damageAll(folder);
  await using bench = await openBench({ layerCache, chunkSize });
  const [result] = await bench.push(image, 'demo/app:1');
  if (result?.ok !== true) throw result?.error;
  await bench.registry.verify();
  expect(bench.gzip.runs()).toBe(3);
  await using third = await openBench({ layerCache, chunkSize });
  expect(await third.push(image, 'demo/app:1')).toMatchObject([{ ok: true }]);
  expect(third.gzip.runs()).toBe(0);
  expect(third.events.filter(({ type }) => type === 'blob:retrying')).toEqual([]);
});

test.each([
  ['in one request', undefined],
  ['in chunks', 20_000],
] as const)('an image that is larger than the cache is compressed once all the same; sent %s', async (_, chunkSize) => {
  const folder = await mkdtemp(join(root, 'cache-'));
  await using layerCache = await openLayerCache({ folder, maxBytes: 30_000 });
  await using bench = await openBench({ layerCache, chunkSize });
  const image = randomImage(32, [150_000, 160_000, 170_000, 180_000, 190_000, 200_000]);
  const [result] = await bench.push(image, 'demo/app:1');
  if (result?.ok !== true) throw result?.error;
  await bench.registry.verify();
  expect(bench.gzip.runs()).toBe(6);
  expect(bench.events.filter(({ type }) => type === 'blob:retrying')).toEqual([]);
});

test('a source that is out of reach for a moment is asked again, also for a layer that is compressed anew', async () => {
  const plain = textBytes(33, 300_000);
  const gzipped = gzipSync(plain);
  let failures = 1;
  const content = countedContent(gzipped, {
    before() {
      if (failures-- > 0) throw new RegistryError('GET failed', { code: 'ERR_REGISTRY_UNREACHABLE', transient: true });
    },
  });
  const layer = { diffID: digestBytes(plain), content, compression: 'gzip' as const, descriptor: undefined };
  await using bench = await openBench({ zstd: createZstdCompressor() });
  const [result] = await bench.push(imageOf([layer]), 'demo/app:1', { format: 'oci', compression: 'zstd' });
  if (result?.ok !== true) throw result?.error;
  expect(content.opens()).toBe(2);
  await bench.registry.verify();
});

test('a push that is given up stops reading the layer whose digest it computes', async () => {
  const plain = textBytes(34, 3_000_000);
  const gzipped = gzipSync(plain);
  const push = new AbortController();
  const content = countedContent(gzipped, {
    before(at) {
      if (at === 100_000) push.abort(new Error('enough'));
    },
  });
  const layer = { diffID: digestBytes(plain), content, compression: 'gzip' as const, descriptor: undefined };
  await using bench = await openBench();
  await expect(bench.push(imageOf([layer]), 'demo/app:1', { signal: push.signal })).rejects.toThrow('enough');
  expect(content.handedOut()).toBeLessThan(content.size / 2);
  await content.idle();
});

test('a machine without threads for a moment is no fault of the source', async () => {
  const gzip = createGzipCompressor();
  let failures = 2; // before the registry has answered, which nobody hears of, and when it is sent
  const weak = {
    ...gzip,
    async *compress(...pass: Parameters<typeof gzip.compress>) {
      if (failures-- > 0) throw Object.assign(new Error('the thread ended'), { code: 'ERR_DEFLATE_WORKER' });
      yield* gzip.compress(...pass);
    },
  };
  await using bench = await openBench({ gzip: weak });
  expect(await bench.push(imageOf([plainLayer(textBytes(35, 50_000))]), 'demo/app:1')).toMatchObject([{ ok: true }]);
  expect(bench.events.filter(({ type }) => type === 'blob:retrying')).not.toEqual([]);
});

test('an empty layer without a digest is compared with its diffID', async () => {
  const empty = contentOf(new Uint8Array());
  const layer = {
    diffID: digestBytes(new Uint8Array([1])),
    content: empty,
    compression: 'none' as const,
    descriptor: undefined,
  };
  await using bench = await openBench();
  const [result] = await bench.push(imageOf([layer]), 'demo/app:1');
  expect(result).toMatchObject({ ok: false, error: { origin: 'source', cause: { code: 'ERR_DIGEST_MISMATCH' } } });
});
