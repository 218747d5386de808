import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { contentOf, createZstdCompressor, digestBytes } from '@slipway/digest';
import type { SourceImage, SourceIndex } from '@slipway/image-source';
import { buildIndex, type Descriptor, mediaTypes, type ParsedManifest, parseManifest } from '@slipway/manifest';
import {
  type DebianRegistry,
  readBack,
  requireTool,
  skopeo,
  startDebianRegistry,
  temporaryFolder,
} from '@slipway/testkit';
import { describe, expect, test } from 'vitest';
import type { LayerKind, PushOptions } from '../src/index.ts';
import { type Bench, benchAt, countOf, digestOf, imageOf, openBench, plainLayer, textBytes } from './setup.ts';

const missing = requireTool('docker-registry', 'skopeo');
const plains = [textBytes(71, 90_000), textBytes(72, 700)];
const diffIDs = plains.map((bytes) => digestBytes(bytes));
const zstd = createZstdCompressor();
const zstdAnnotation = 'io.github.containers.compression.zstd';

function gzipImage(level = 9): SourceImage {
  return imageOf(
    plains.map((plain) => {
      const packed = gzipSync(plain, { level });
      const descriptor = {
        mediaType: mediaTypes.ociLayerGzip,
        digest: digestBytes(packed),
        size: packed.byteLength,
      };
      return { diffID: digestBytes(plain), content: contentOf(packed), compression: 'gzip', descriptor };
    }),
  );
}

async function manifestOf(
  bench: Pick<Bench<DebianRegistry>, 'registry'>,
  name: string,
  tagOrDigest = '1',
): Promise<ParsedManifest & { readonly layers?: readonly Descriptor[]; readonly manifests?: readonly Descriptor[] }> {
  const accept = [mediaTypes.ociIndex, mediaTypes.ociManifest, mediaTypes.dockerManifest].join(', ');
  const response = await fetch(`${bench.registry.url}/v2/${name}/manifests/${tagOrDigest}`, { headers: { accept } });
  const bytes = new Uint8Array(await response.arrayBuffer());
  return parseManifest(bytes, response.headers.get('content-type') as string);
}

describe.skipIf(missing)('layers that are not compressed', () => {
  test.each<[string, SourceImage, PushOptions, string]>([
    ['of an archive that docker saved', imageOf(plains.map(plainLayer)), {}, mediaTypes.dockerLayer],
    ['as an OCI image', imageOf(plains.map(plainLayer)), { format: 'oci' }, mediaTypes.ociLayer],
    ['unpacked from gzip on the way', gzipImage(), { format: 'oci' }, mediaTypes.ociLayer],
  ])('%s', async (_, image, options, mediaType) => {
    await using bench = await benchAt(await startDebianRegistry());
    await using folder = await temporaryFolder();
    const asked: PushOptions = { ...options, compression: 'none' };
    const planned = await bench.push(image, 'plain/app:1', { ...asked, dryRun: true });
    bench.requests();
    const digest = digestOf(await bench.push(image, 'plain/app:1', asked));
    expect(digestOf(planned)).toBe(digest);
    const back = await readBack(bench.registry.host, 'plain/app', '1');
    expect(back.layers).toEqual(
      plains.map((plain, at) => ({
        mediaType,
        digest: diffIDs[at],
        diffID: diffIDs[at],
        size: plain.byteLength,
      })),
    );
    // Another program reads it: the layers lie under their names in the folder.
    const copy = [
      'copy',
      '--src-tls-verify=false',
      `docker://${bench.registry.host}/plain/app:1`,
      `dir:${folder.path}`,
    ];
    expect(await skopeo(copy)).toMatchObject({ code: 0 });
    const files = await readdir(folder.path);
    for (const [at, diffID] of diffIDs.entries()) {
      const name = diffID.slice('sha256:'.length);
      expect(files).toContain(name);
      expect(new Uint8Array(await readFile(join(folder.path, name)))).toEqual(plains[at]);
    }
    // Again: one question. To another repository: mounted.
    bench.requests();
    const [again] = await bench.push(image, 'plain/app:1', asked);
    expect(again).toMatchObject({ ok: true, digest, unchanged: true });
    expect(countOf(bench.requests())).toEqual({ 'GET ping': 1, 'HEAD manifests': 1 });
    const [other] = await bench.push(image, 'plain/other:1', asked);
    expect(other?.totals).toMatchObject({ uploaded: 0, bytesSent: 0 });
  });

  test('a layer that is another one than the config says is refused', async () => {
    await using bench = await benchAt(await startDebianRegistry());
    const layer = { ...plainLayer(plains[0] as Uint8Array), content: contentOf(textBytes(99, 90_000)) };
    const [result] = await bench.push(imageOf([layer]), 'plain/wrong:1', { compression: 'none' });
    expect(result).toMatchObject({ ok: false, error: { origin: 'source' } });
    expect((await fetch(`${bench.registry.url}/v2/plain/wrong/manifests/1`)).status).toBe(404);
  });

  test('the same layer plain and compressed, pushed at once, are two', async () => {
    await using bench = await openBench();
    const image = imageOf(plains.map(plainLayer));
    const kinds: readonly LayerKind[] = ['none', 'gzip'];
    const results = await Promise.all(
      kinds.map((compression) => bench.push(image, `p/app:${compression}`, { compression, format: 'oci' })),
    );
    const types = await Promise.all(
      results.map(async (result) => {
        const held = await bench.registry.manifest('p/app', digestOf(result));
        const parsed = held && parseManifest(held.bytes, held.mediaType);
        return parsed?.kind === 'oci-manifest' ? parsed.layers.map((layer) => layer.mediaType) : [];
      }),
    );
    expect(types).toEqual([
      [mediaTypes.ociLayer, mediaTypes.ociLayer],
      [mediaTypes.ociLayerGzip, mediaTypes.ociLayerGzip],
    ]);
  });
});

describe('layers that are of the wanted kind already', () => {
  test('go as they are, and are made anew with recompress', async () => {
    await using bench = await openBench();
    const kept = digestOf(await bench.push(gzipImage(), 'r/app:kept', { compression: 'gzip', format: 'oci' }));
    const runs = bench.gzip.runs();
    expect(runs).toBe(0);
    const asked = { compression: 'gzip', recompress: true, format: 'oci' } as const;
    const made = digestOf(await bench.push(gzipImage(), 'r/app:made', asked));
    expect(bench.gzip.runs()).toBe(plains.length);
    expect(made).not.toBe(kept);
    // Whatever the layers were compressed with before: the bytes are those of plain layers.
    await using other = await openBench();
    const plain = imageOf(plains.map(plainLayer));
    expect(digestOf(await other.push(plain, 'r/app:plain', { compression: 'gzip', format: 'oci' }))).toBe(made);
    const back = await readBack(bench.registry.host, 'r/app', 'made');
    expect(back.layers.map(({ diffID }) => diffID)).toEqual(diffIDs);
  });

  test.each([
    ['zeros', new Uint8Array(20)],
    ['text', textBytes(3, 40)],
  ])('%s behind gzip are not taken along when a layer is made anew', async (_, surplus) => {
    await using bench = await openBench({ zstd });
    const [plain] = plains as [Uint8Array];
    const packed = Buffer.concat([gzipSync(plain), surplus]);
    const descriptor = { mediaType: mediaTypes.ociLayerGzip, digest: digestBytes(packed), size: packed.byteLength };
    const layer = { diffID: digestBytes(plain), content: contentOf(packed), descriptor };
    const image = imageOf([{ ...layer, compression: 'gzip' }]);
    digestOf(await bench.push(image, 'r/app:1', { compression: 'zstd' }));
    const [made] = (await readBack(bench.registry.host, 'r/app', '1')).layers;
    expect(made).toMatchObject({ mediaType: mediaTypes.ociLayerZstd, diffID: digestBytes(plain) });
  });

  test('what to make has to be said', async () => {
    await using bench = await openBench();
    await expect(bench.push(gzipImage(), 'r/app:1', { recompress: true })).rejects.toThrow(/compression/);
    const nothing = { compression: [] as readonly LayerKind[] };
    await expect(bench.push(gzipImage(), 'r/app:1', nothing)).rejects.toThrow(TypeError);
    const odd = { compression: ['gzip', 'lz4'] as unknown as readonly LayerKind[] };
    await expect(bench.push(gzipImage(), 'r/app:1', odd)).rejects.toThrow(/lz4/);
  });
});

test('a docker archive with zstd layers becomes an OCI image: there is no format to keep', async () => {
  await using bench = await openBench({ zstd });
  const digest = digestOf(await bench.push(imageOf(plains.map(plainLayer)), 'z/app:1', { compression: 'zstd' }));
  expect(await readBack(bench.registry.host, 'z/app', digest)).toMatchObject({
    mediaType: mediaTypes.ociManifest,
    layers: [{ mediaType: mediaTypes.ociLayerZstd }, { mediaType: mediaTypes.ociLayerZstd }],
  });
});

describe.skipIf(missing)('several kinds at once', () => {
  test('are one index: gzip first, zstd behind it, marked for podman', async () => {
    await using bench = await benchAt(await startDebianRegistry(), { zstd });
    const image = imageOf(plains.map(plainLayer));
    const digest = digestOf(await bench.push(image, 'v/app:1', { compression: ['zstd', 'gzip', 'gzip'] }));
    const index = await manifestOf(bench, 'v/app');
    const platform = { architecture: 'amd64', os: 'linux' };
    expect(index.kind).toBe('oci-index');
    expect(index.manifests).toMatchObject([{ platform }, { platform, annotations: { [zstdAnnotation]: 'true' } }]);
    expect(index.manifests?.[0]?.annotations).toBeUndefined();
    const back = await readBack(bench.registry.host, 'v/app', digest);
    expect(back.children.map(({ layers }) => layers.map((layer) => layer.mediaType))).toEqual([
      [mediaTypes.ociLayerGzip, mediaTypes.ociLayerGzip],
      [mediaTypes.ociLayerZstd, mediaTypes.ociLayerZstd],
    ]);
    expect(new Set(back.children.map(({ config }) => config?.digest)).size).toBe(1);
    // What docker of old and skopeo take is the first; nobody needs to know of the other.
    const inspected = await skopeo(['inspect', '--tls-verify=false', `docker://${bench.registry.host}/v/app:1`]);
    expect(inspected.code).toBe(0);
    expect(JSON.parse(inspected.stdout).Layers).toEqual(back.children[0]?.layers.map((layer) => layer.digest));
    const [planned] = await bench.push(image, 'v/app:1', { compression: ['gzip', 'zstd'], dryRun: true });
    expect(planned).toMatchObject({ ok: true, digest, unchanged: true });

    // Read again and made anew, nothing is doubled; made gzip only, nothing is left of zstd.
    const source = await indexOf(bench, 'v/app', image, index.manifests ?? []);
    expect(digestOf(await bench.push(source, 'v/app:again', { compression: ['gzip', 'zstd'] }))).toBe(digest);
    await bench.push(source, 'v/app:gzip', { compression: 'gzip' });
    const single = await manifestOf(bench, 'v/app', 'gzip');
    expect(single.manifests).toHaveLength(1);
    expect(single.manifests?.[0]?.annotations).toBeUndefined();
  });

  test('of several platforms: all of the first kind, then what belongs to them, then all of the second', async () => {
    await using bench = await openBench({ zstd });
    const children = ['amd64', 'arm64'].map((architecture, at) => {
      const item = imageOf([plainLayer(textBytes(80 + at, 5000))], { comment: architecture });
      const platform = { os: 'linux', architecture };
      const { digest, bytes, mediaType } = item.config;
      return { item: { ...item, platform }, descriptor: { mediaType, digest, size: bytes.byteLength, platform } };
    });
    const manifest = buildIndex({ manifests: children.map(({ descriptor }) => descriptor) });
    const index: SourceIndex = { kind: 'index', names: [], manifest, children };
    const digest = digestOf(await bench.push(index, 'v/all:1', { compression: ['gzip', 'zstd'] }));
    const held = await bench.registry.manifest('v/all', digest);
    const parsed = held && parseManifest(held.bytes, held.mediaType);
    const entries = parsed?.kind === 'oci-index' ? parsed.manifests : [];
    expect(entries.map(({ platform, annotations }) => [platform?.architecture, annotations?.[zstdAnnotation]])).toEqual(
      [
        ['amd64', undefined],
        ['arm64', undefined],
        ['amd64', 'true'],
        ['arm64', 'true'],
      ],
    );
    expect((await readBack(bench.registry.host, 'v/all', digest)).children).toHaveLength(4);
    const one = await bench.push(index, 'v/one:1', {
      compression: ['gzip', 'none'],
      platform: { os: 'linux', architecture: 'arm64' },
    });
    const back = await readBack(bench.registry.host, 'v/one', digestOf(one));
    expect(back.children.map(({ layers }) => layers[0]?.mediaType)).toEqual([
      mediaTypes.ociLayerGzip,
      mediaTypes.ociLayer,
    ]);
  });

  test('a Docker list cannot tell them apart', async () => {
    await using bench = await openBench({ zstd });
    const asked = { compression: ['gzip', 'zstd'], format: 'docker' } as const;
    await expect(bench.push(gzipImage(), 'v/app:1', asked)).rejects.toMatchObject({ code: 'ERR_PUSH_FORMAT' });
  });
});

/** The index as a layout would hand it out. */
async function indexOf(
  bench: Bench<DebianRegistry>,
  name: string,
  image: SourceImage,
  manifests: readonly Descriptor[],
): Promise<SourceIndex> {
  const load = async (digest: string, kind: 'manifests' | 'blobs'): Promise<Uint8Array> => {
    const headers = { accept: `${mediaTypes.ociIndex}, ${mediaTypes.ociManifest}` };
    return new Uint8Array(
      await (await fetch(`${bench.registry.url}/v2/${name}/${kind}/${digest}`, { headers })).arrayBuffer(),
    );
  };
  const children: SourceIndex['children'][number][] = [];
  for (const descriptor of manifests) {
    const bytes = await load(descriptor.digest, 'manifests');
    const { layers = [] } = parseManifest(bytes, mediaTypes.ociManifest) as { layers?: readonly Descriptor[] };
    const item: SourceImage = {
      ...image,
      config: { ...image.config, mediaType: mediaTypes.ociConfig },
      manifest: { mediaType: mediaTypes.ociManifest, digest: descriptor.digest, bytes },
      layers: await Promise.all(
        layers.map(async (layer, at) => ({
          diffID: diffIDs[at] as (typeof diffIDs)[number],
          content: contentOf(await load(layer.digest, 'blobs')),
          compression: layer.mediaType.endsWith('zstd') ? ('zstd' as const) : ('gzip' as const),
          descriptor: layer,
        })),
      ),
    };
    children.push({ descriptor, item });
  }
  const bytes = await load('1', 'manifests');
  const manifest = { mediaType: mediaTypes.ociIndex, digest: digestBytes(bytes), bytes };
  return { kind: 'index', names: [], manifest, children };
}
