import { contentOf, createGzipCompressor, type Digest, decompress, digestBytes, digestStream } from '@slipway/digest';
import type { SourceImage, SourceIndex, SourceItem, SourceLayer } from '@slipway/image-source';
import { buildIndex, buildOciManifest, mediaTypes, parseManifest } from '@slipway/manifest';
import { describe, expect, test } from 'vitest';
import { digestOf, imageOf, openBench, plainLayer, randomImage, textBytes } from './setup.ts';

async function gzipped(bytes: Uint8Array): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of createGzipCompressor().compress(contentOf(bytes).open())) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** An image as an OCI layout gives it: gzip layers, a manifest of its own. */
async function ociImage(seed: number, architecture = 'amd64'): Promise<SourceImage> {
  const layers: SourceLayer[] = [];
  for (const [at, size] of [4000, 90_000].entries()) {
    const plain = textBytes(seed * 10 + at, size);
    const bytes = await gzipped(plain);
    const descriptor = {
      mediaType: mediaTypes.ociLayerGzip,
      digest: digestBytes(bytes),
      size: bytes.byteLength,
      annotations: { at: String(at) },
    };
    layers.push({ diffID: digestBytes(plain), content: contentOf(bytes), compression: 'gzip', descriptor });
  }
  const base = imageOf(layers, { comment: `oci ${seed} ${architecture}` });
  const config = { ...base.config, mediaType: mediaTypes.ociConfig };
  const manifest = buildOciManifest({
    config: { mediaType: mediaTypes.ociConfig, digest: config.digest, size: config.bytes.byteLength },
    layers: layers.flatMap(({ descriptor }) => descriptor ?? []),
    annotations: { 'org.opencontainers.image.title': 'test' },
  });
  return { ...base, config, manifest, platform: { os: 'linux', architecture } };
}

function indexOf(images: readonly SourceImage[]): SourceIndex {
  const children = images.map((image) => {
    if (image.manifest === undefined) throw new Error('expected a manifest');
    const { mediaType, digest, bytes } = image.manifest;
    return {
      descriptor: { mediaType, digest, size: bytes.byteLength, ...(image.platform && { platform: image.platform }) },
      item: image as SourceItem,
    };
  });
  return {
    kind: 'index',
    names: [],
    manifest: buildIndex({ manifests: children.map(({ descriptor }) => descriptor) }),
    children,
  };
}

describe('format keep', () => {
  test('a manifest of the source arrives byte for byte, its layers untouched', async () => {
    await using bench = await openBench();
    const image = await ociImage(1);
    const results = await bench.push(image, 'oci/app:1');
    expect(digestOf(results)).toBe(image.manifest?.digest);
    expect((await bench.registry.manifest('oci/app', '1'))?.bytes).toEqual(image.manifest?.bytes);
    expect(bench.gzip.runs()).toBe(0);
  });

  test('pushed again, one question ends it, also with an empty memory', async () => {
    await using bench = await openBench();
    const image = await ociImage(2);
    await bench.push(image, 'oci/app:1');
    bench.requests();
    const [again] = await bench.push(image, 'oci/app:1');
    expect(again).toMatchObject({ ok: true, unchanged: true });
    expect(bench.requests()).toEqual(['GET ping', 'HEAD manifests']);
  });
});

describe('conversion', () => {
  test('an OCI image becomes a Docker image with the same layers and config', async () => {
    await using bench = await openBench();
    const image = await ociImage(3);
    await bench.push(image, 'c/docker:1', { format: 'docker' });
    const held = await bench.registry.manifest('c/docker', '1');
    const parsed = held && parseManifest(held.bytes, held.mediaType);
    expect(parsed).toMatchObject({
      kind: 'docker-manifest',
      config: { mediaType: mediaTypes.dockerConfig, digest: image.config.digest },
      layers: image.layers.map(({ descriptor }) => ({
        mediaType: mediaTypes.dockerLayerGzip,
        digest: descriptor?.digest,
      })),
    });
    expect(bench.gzip.runs()).toBe(0);
  });

  test('a docker archive becomes an OCI image', async () => {
    await using bench = await openBench();
    await bench.push(randomImage(4), 'c/oci:1', { format: 'oci' });
    const held = await bench.registry.manifest('c/oci', '1');
    expect(held?.mediaType).toBe(mediaTypes.ociManifest);
  });

  test('uncompressed layers of an OCI image stay as they are, unless gzip is asked for', async () => {
    await using bench = await openBench();
    const plain = plainLayer(textBytes(50, 30_000));
    const descriptor = { mediaType: mediaTypes.ociLayer, digest: plain.diffID, size: 30_000 };
    const base = imageOf([{ ...plain, descriptor }]);
    const manifest = buildOciManifest({
      config: { mediaType: mediaTypes.ociConfig, digest: base.config.digest, size: base.config.bytes.byteLength },
      layers: [descriptor],
    });
    const image = { ...base, manifest };
    expect(digestOf(await bench.push(image, 'c/plain:1'))).toBe(manifest.digest);
    await bench.push(image, 'c/gzip:1', { compression: 'gzip' });
    const held = await bench.registry.manifest('c/gzip', '1');
    const parsed = held && parseManifest(held.bytes, held.mediaType);
    expect(parsed).toMatchObject({ kind: 'oci-manifest', layers: [{ mediaType: mediaTypes.ociLayerGzip }] });
    const digest = parsed && 'layers' in parsed ? (parsed.layers[0]?.digest as Digest) : undefined;
    const bytes = digest && (await bench.registry.blobBytes('c/gzip', digest));
    const unpacked = await digestStream(decompress(contentOf(bytes as Uint8Array).open(), 'gzip'));
    expect(unpacked.digest).toBe(plain.diffID);
  });

  test('zstd layers cannot be named by a Docker manifest', async () => {
    await using bench = await openBench();
    await expect(bench.push(randomImage(5), 'c/z:1', { format: 'docker', compression: 'zstd' })).rejects.toMatchObject({
      code: 'ERR_PUSH_FORMAT',
      hint: expect.stringContaining('`format: oci`'),
    });
  });
});

describe('an index', () => {
  test('goes after its children, all of it or one platform', async () => {
    await using bench = await openBench();
    const images = [await ociImage(6, 'amd64'), await ociImage(7, 'arm64')];
    const index = indexOf(images);
    expect(digestOf(await bench.push(index, 'multi/app:1'))).toBe(index.manifest.digest);
    const order = bench.registry.requests
      .filter(({ method, path }) => method === 'PUT' && path.includes('/manifests/'))
      .map(({ path }) => path.split('/').at(-1));
    expect(order).toHaveLength(3);
    expect(order.at(-1)).toBe('1');
    await bench.registry.verify();

    const arm = await bench.push(index, 'multi/arm:1', { platform: { os: 'linux', architecture: 'arm64' } });
    expect(digestOf(arm)).toBe(images[1]?.manifest?.digest);
  });

  test('a platform it lacks is refused, naming those it has', async () => {
    await using bench = await openBench();
    const index = indexOf([await ociImage(8, 'amd64')]);
    await expect(
      bench.push(index, 'multi/app:1', { platform: { os: 'linux', architecture: 's390x' } }),
    ).rejects.toMatchObject({
      code: 'ERR_PUSH_NO_PLATFORM',
      message: expect.stringContaining('linux/amd64'),
    });
  });

  test('converted to Docker it becomes a manifest list of converted children', async () => {
    await using bench = await openBench();
    const index = indexOf([await ociImage(9, 'amd64'), await ociImage(10, 'arm64')]);
    await bench.push(index, 'multi/docker:1', { format: 'docker' });
    expect((await bench.registry.manifest('multi/docker', '1'))?.mediaType).toBe(mediaTypes.dockerManifestList);
    await bench.registry.verify();
  });
});

describe('a foreign layer', () => {
  const foreign = {
    mediaType: mediaTypes.dockerForeignLayerGzip,
    digest: digestBytes(textBytes(90, 10)),
    size: 1234,
    urls: ['https://elsewhere.example/layer'],
  };

  test('is not uploaded, and its descriptor goes into the manifest as it is', async () => {
    await using bench = await openBench();
    const away: SourceLayer = {
      diffID: digestBytes(textBytes(91, 10)),
      content: undefined,
      compression: 'gzip',
      descriptor: foreign,
    };
    const image = imageOf([away, plainLayer(textBytes(92, 4000))]);
    const results = await bench.push(image, 'win/app:1');
    digestOf(results);
    const held = await bench.registry.manifest('win/app', '1');
    const parsed = held && parseManifest(held.bytes, held.mediaType);
    expect(parsed).toMatchObject({
      kind: 'docker-manifest',
      layers: [foreign, { mediaType: mediaTypes.dockerLayerGzip }],
    });
    expect(bench.events).toContainEqual(expect.objectContaining({ type: 'blob:skipped', reason: 'foreign' }));
  });
});

describe('a dry run', () => {
  test('tells the digest the push then has, and writes nothing', async () => {
    await using bench = await openBench();
    const image = randomImage(11);
    const [planned] = await bench.push(image, 'dry/app:1', { dryRun: true });
    expect(bench.requests().filter((request) => !/^(GET|HEAD) /.test(request))).toEqual([]);
    const plans = bench.events.filter((event) => event.type === 'blob:planned');
    expect(plans.map(({ action }) => action)).toEqual(['upload', 'upload', 'upload', 'upload']);
    const pushed = await bench.push(image, 'dry/app:1');
    expect(planned?.ok && planned.digest).toBe(digestOf(pushed));
    expect(pushed[0]?.totals.bytesSent).toBe(plans.reduce((sum, { size }) => sum + size, 0));
    bench.events.length = 0;
    const [again] = await bench.push(image, 'dry/app:1', { dryRun: true });
    expect(again).toMatchObject({ ok: true, unchanged: true });
    const [other] = await bench.push(image, 'dry/other:1', { dryRun: true });
    expect(other).toMatchObject({ ok: true, unchanged: false });
    expect(
      bench.events.some(
        (event) => event.type === 'blob:planned' && event.action === 'mount' && event.from === 'dry/app',
      ),
    ).toBe(true);
  });
});
