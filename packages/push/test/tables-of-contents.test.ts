import { gunzipSync } from 'node:zlib';
import {
  type Content,
  contentOf,
  createEstargzCompressor,
  createZstdChunkedCompressor,
  decompress,
  digestBytes,
} from '@slipway/digest';
import type { SourceImage, SourceLayer } from '@slipway/image-source';
import { createMemoryLayerCache } from '@slipway/layer-cache';
import { type Descriptor, mediaTypes } from '@slipway/manifest';
import { type DebianRegistry, randomLayer, readBack, requireTool, skopeo, startDebianRegistry } from '@slipway/testkit';
import { beforeAll, describe, expect, test } from 'vitest';
import type { LayerKind, PushOptions } from '../src/index.ts';
import { type Bench, benchAt, countOf, digestOf, imageOf, openBench, plainLayer, textBytes } from './setup.ts';

const missing = requireTool('docker-registry', 'skopeo');
const compressors = { zstdChunked: createZstdChunkedCompressor(), estargz: createEstargzCompressor() };
const kinds: readonly LayerKind[] = ['zstd:chunked', 'estargz'];

let image: SourceImage;
beforeAll(async () => {
  const layers: SourceLayer[] = [];
  for (const [at, size] of [400_000, 3000].entries()) {
    const layer = await randomLayer({ seed: `tables/${at}`, size });
    layers.push(plainLayer(await bytesOf(layer.tar)));
  }
  image = imageOf(layers, { comment: 'tables' });
});

describe.skipIf(missing).each(kinds)('%s', (compression) => {
  test('arrives whole, and one file of it can be read alone', async () => {
    await using bench = await benchAt(await startDebianRegistry(), compressors);
    const options: PushOptions = { compression };
    const [planned] = await bench.push(image, 't/app:1', { ...options, dryRun: true });
    const digest = digestOf(await bench.push(image, 't/app:1', options));
    expect(planned).toMatchObject({ ok: true, digest });
    // Every blob with its digest, every layer with the diffID of the config.
    const back = await readBack(bench.registry.host, 't/app', '1');
    expect(back.mediaType).toBe(mediaTypes.ociManifest);
    const diffIDs = image.layers.map(({ diffID }) => diffID);
    const isSame = JSON.stringify(back.layers.map(({ diffID }) => diffID)) === JSON.stringify(diffIDs);
    expect(isSame).toBe(compression === 'zstd:chunked');
    expect(back.config?.digest === image.config.digest).toBe(compression === 'zstd:chunked');
    const inspected = await skopeo([
      'inspect',
      '--config',
      '--tls-verify=false',
      `docker://${bench.registry.host}/t/app:1`,
    ]);
    expect(JSON.parse(inspected.stdout)).toMatchObject({ architecture: 'amd64', history: [{}, {}] });

    const { layers } = await manifestOf(bench, 't/app');
    for (const [at, layer] of layers.entries()) {
      const { name, content } = await readOneFile(bench, 't/app', layer, compression);
      expect(name.length).toBeGreaterThan(0);
      const plain = await bytesOf(image.layers[at]?.content as Content);
      expect(Buffer.from(plain).includes(Buffer.from(content))).toBe(true);
    }
    // Again: the same bytes, nothing sent. Into another repository too.
    bench.requests();
    const [again] = await bench.push(image, 't/app:1', options);
    expect(again).toMatchObject({ ok: true, digest });
    expect(again?.totals).toMatchObject({ uploaded: 0, bytesSent: 0 });
    expect(countOf(bench.requests())['PUT blobs/uploads'] ?? 0).toBe(0);
    expect(digestOf(await bench.push(image, 't/other:1', options))).toBe(digest);
  });

  test('is the same without a cache, and read from one that an earlier run has filled', async () => {
    const layerCache = createMemoryLayerCache();
    await using bench = await openBench({ ...compressors, layerCache });
    await using bare = await openBench({ ...compressors, layerCache: undefined });
    await using later = await openBench({
      layerCache,
      zstdChunked: unused(compressors.zstdChunked),
      estargz: unused(compressors.estargz),
    });
    const options: PushOptions = { compression };
    const digest = digestOf(await bench.push(image, 't/app:1', options));
    expect(digestOf(await bare.push(image, 't/app:1', options))).toBe(digest);
    expect(digestOf(await later.push(image, 't/app:1', options))).toBe(digest);
    expect((await readBack(bare.registry.host, 't/app', '1')).layers).toHaveLength(2);
  });

  test('stays as it is when its kind is wanted again, or the kind that it also is', async () => {
    await using bench = await openBench(compressors);
    const digest = digestOf(await bench.push(image, 't/app:1', { compression }));
    const source = await sourceOf(bench, 't/app');
    for (const asked of ['keep', compression, compression === 'estargz' ? 'gzip' : 'zstd'] as const) {
      expect(digestOf(await bench.push(source, 't/kept:1', { compression: asked }))).toBe(digest);
    }
    // Made anew, the bytes are the same: eStargz does not grow a second table.
    expect(digestOf(await bench.push(source, 't/anew:1', { compression, recompress: true }))).toBe(digest);
    // As plain gzip, nothing of the table is said any more.
    await bench.push(source, 't/gzip:1', { compression: 'gzip', recompress: true });
    const { layers } = await manifestOf(bench, 't/gzip');
    expect(layers.map(({ annotations }) => annotations)).toEqual([undefined, undefined]);
  });
});

test('gzip with and without a table, and zstd with one, in one index', async () => {
  await using bench = await openBench(compressors);
  const digest = digestOf(await bench.push(image, 't/all:1', { compression: ['zstd:chunked', 'gzip', 'estargz'] }));
  const back = await readBack(bench.registry.host, 't/all', digest);
  expect(back.children.map(({ layers }) => layers[0]?.mediaType)).toEqual([
    mediaTypes.ociLayerGzip,
    mediaTypes.ociLayerGzip,
    mediaTypes.ociLayerZstd,
  ]);
  expect(new Set(back.children.map(({ config }) => config?.digest)).size).toBe(2);
});

test.each(kinds)('%s of what is no tar fails and says so', async (compression) => {
  await using bench = await openBench(compressors);
  const [result] = await bench.push(imageOf([plainLayer(textBytes(7, 5000))]), 't/no:1', { compression });
  expect(result).toMatchObject({ ok: false, error: { origin: 'source' } });
  expect(result && 'error' in result ? result.error.message : '').toMatch(/table of contents/);
  expect(await bench.registry.manifest('t/no', '1')).toBeUndefined();
});

test('a Docker manifest has no place for tables', async () => {
  await using bench = await openBench(compressors);
  for (const compression of kinds) {
    const options = { compression, format: 'docker' } as const;
    await expect(bench.push(image, 't/no:1', options)).rejects.toMatchObject({ code: 'ERR_PUSH_FORMAT' });
  }
});

/** As a lazy client does it: the table by its annotation, one file by the table, each over a range of the blob. */
async function readOneFile(
  bench: Bench<DebianRegistry>,
  repository: string,
  { digest, size, annotations = {} }: Descriptor,
  kind: LayerKind,
): Promise<{ readonly name: string; readonly content: Uint8Array }> {
  let requested = 0;
  const range = async (from: number, to: number): Promise<Uint8Array> => {
    const headers = { range: `bytes=${from}-${to - 1}` };
    const response = await fetch(`${bench.registry.url}/v2/${repository}/blobs/${digest}`, { headers });
    expect(response.status).toBe(206);
    const bytes = new Uint8Array(await response.arrayBuffer());
    requested += bytes.byteLength;
    return bytes;
  };
  const isChunked = kind === 'zstd:chunked';
  const { json, tocOffset } = isChunked
    ? await zstdTable(range, annotations)
    : await gzipTable(range, size, annotations);
  const { entries } = JSON.parse(new TextDecoder().decode(json)) as {
    entries: { type: string; name: string; size?: number; offset: number; endOffset?: number; digest: string }[];
  };
  const file = entries.find(
    (entry) => entry.type === 'reg' && (entry.size ?? 0) > 0 && !entry.name.includes('landmark'),
  );
  if (file === undefined) throw new Error('expected a file');
  const ends = [...entries.flatMap(({ offset }) => offset ?? []), tocOffset].filter((end) => end > file.offset);
  const packed = await range(file.offset, file.endOffset ?? Math.min(...ends));
  const plain = isChunked ? await unzstd(packed) : new Uint8Array(gunzipSync(packed));
  const content = plain.subarray(0, file.size);
  expect(digestBytes(content)).toBe(file.digest);
  expect(requested).toBeLessThanOrEqual(size);
  return { name: file.name, content };
}

type ReadRange = (from: number, to: number) => Promise<Uint8Array>;

async function zstdTable(
  range: ReadRange,
  annotations: Readonly<Record<string, string>>,
): Promise<{ json: Uint8Array; tocOffset: number }> {
  const key = 'io.github.containers.zstd-chunked.';
  const [at = 0, length = 0] = (annotations[`${key}manifest-position`] as string).split(':').map(Number);
  const packed = await range(at, at + length);
  expect(digestBytes(packed)).toBe(annotations[`${key}manifest-checksum`]);
  return { json: await unzstd(packed), tocOffset: at };
}

async function gzipTable(
  range: ReadRange,
  size: number,
  annotations: Readonly<Record<string, string>>,
): Promise<{ json: Uint8Array; tocOffset: number }> {
  const footer = await range(size - 51, size);
  const tocOffset = Number.parseInt(new TextDecoder().decode(footer.subarray(16, 32)), 16);
  const member = new Uint8Array(gunzipSync(await range(tocOffset, size - 51)));
  const json = member.subarray(512, 512 + Number.parseInt(new TextDecoder().decode(member.subarray(124, 135)), 8));
  expect(digestBytes(json)).toBe(annotations['containerd.io/snapshot/stargz/toc.digest']);
  return { json, tocOffset };
}

interface ManifestDocument {
  readonly config: Descriptor;
  readonly layers: readonly Descriptor[];
}

async function manifestOf(
  bench: { readonly registry: { readonly url: string } },
  name: string,
): Promise<ManifestDocument & { readonly bytes: Uint8Array }> {
  const headers = { accept: mediaTypes.ociManifest };
  const response = await fetch(`${bench.registry.url}/v2/${name}/manifests/1`, { headers });
  const bytes = new Uint8Array(await response.arrayBuffer());
  return { ...(JSON.parse(new TextDecoder().decode(bytes)) as ManifestDocument), bytes };
}

/** The image as a registry or a layout hands it out. */
async function sourceOf(bench: Bench, name: string): Promise<SourceImage> {
  const { config, layers, bytes } = await manifestOf(bench, name);
  const configBytes = (await bench.registry.blobBytes(name, config.digest)) as Uint8Array;
  const { rootfs } = JSON.parse(new TextDecoder().decode(configBytes)) as {
    rootfs: { diff_ids: SourceLayer['diffID'][] };
  };
  return {
    ...image,
    config: { mediaType: config.mediaType, digest: config.digest, bytes: configBytes },
    manifest: { mediaType: mediaTypes.ociManifest, digest: digestBytes(bytes), bytes },
    layers: await Promise.all(
      layers.map(async (descriptor, at) => ({
        diffID: rootfs.diff_ids[at] as SourceLayer['diffID'],
        content: contentOf((await bench.registry.blobBytes(name, descriptor.digest)) as Uint8Array),
        compression: descriptor.mediaType.endsWith('zstd') ? ('zstd' as const) : ('gzip' as const),
        descriptor,
      })),
    ),
  };
}

function unused<T extends object>(compressor: T): T {
  return {
    ...compressor,
    compress(): never {
      throw new Error('what is kept is not made again');
    },
  };
}

async function unzstd(bytes: Uint8Array): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of decompress(contentOf(bytes).open(), 'zstd')) chunks.push(chunk);
  return new Uint8Array(Buffer.concat(chunks));
}

async function bytesOf(content: Content): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of content.open()) chunks.push(chunk.slice());
  return new Uint8Array(Buffer.concat(chunks));
}
