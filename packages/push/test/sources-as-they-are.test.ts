import { gzipSync } from 'node:zlib';
import { contentOf, digestBytes } from '@slipway/digest';
import type { SourceArtifact, SourceBlob, SourceImage, SourceIndex } from '@slipway/image-source';
import { buildIndex, buildOciManifest, mediaTypes, parseManifest } from '@slipway/manifest';
import { describe, expect, test } from 'vitest';
import { type Bench, digestOf, imageOf, openBench, textBytes } from './setup.ts';

const plain = textBytes(1, 9000);
const packed = new Uint8Array(gzipSync(plain));
const descriptor = {
  mediaType: mediaTypes.ociLayerGzip as string,
  digest: digestBytes(packed),
  size: packed.byteLength,
};

/** An OCI image of one gzip layer, whose descriptor says this. */
function imageWith(layer: { readonly mediaType?: string; readonly urls?: readonly string[] }): SourceImage {
  const described = { ...descriptor, ...layer };
  const base = imageOf([
    { diffID: digestBytes(plain), content: contentOf(packed), compression: 'gzip', descriptor: described },
  ]);
  const { digest, bytes } = base.config;
  const config = { mediaType: mediaTypes.ociConfig, digest, size: bytes.byteLength };
  return { ...base, manifest: buildOciManifest({ config, layers: [described] }) };
}

async function layerTypeOf(bench: Bench): Promise<string | undefined> {
  const accept = `${mediaTypes.ociManifest}, ${mediaTypes.dockerManifest}`;
  const answer = await fetch(`http://${bench.registry.host}/v2/a/app/manifests/1`, { headers: { accept } });
  const parsed = parseManifest(new Uint8Array(await answer.arrayBuffer()));
  return parsed.kind === 'oci-manifest' || parsed.kind === 'docker-manifest' ? parsed.layers[0]?.mediaType : undefined;
}

const warnings = (bench: Bench): readonly string[] =>
  bench.events.flatMap((event) => (event.type === 'warning' ? [event.code] : []));

describe('a layer whose media type says another compression than its bytes have', () => {
  test.each([
    ['kept, and told', {}, mediaTypes.ociLayerZstd, ['layer-mislabelled']],
    ['corrected by --compression gzip', { compression: 'gzip' }, mediaTypes.ociLayerGzip, []],
    ['corrected by --format oci', { format: 'oci' }, mediaTypes.ociLayerGzip, []],
    ['corrected by --format docker', { format: 'docker' }, mediaTypes.dockerLayerGzip, []],
  ] as const)('is %s', async (_name, options, expected, told) => {
    await using bench = await openBench();
    const reference = 'a/app:1';
    const results = await bench.push(imageWith({ mediaType: mediaTypes.ociLayerZstd }), reference, options);
    expect(results.map(({ ok }) => ok)).toEqual([true]);
    expect(await layerTypeOf(bench)).toBe(expected);
    expect(warnings(bench)).toEqual(told);
  });
});

test('a layer of an ordinary type that is kept elsewhere too goes along when it is here', async () => {
  await using bench = await openBench();
  const image = imageWith({ urls: ['https://elsewhere.example/layer'] });
  const results = await bench.push(image, 'a/app:1');
  expect(digestOf(results)).toBe(image.manifest?.digest);
  expect(results[0]?.totals).toMatchObject({ uploaded: 2, skipped: 0 });
});

describe('an artifact', () => {
  const artifactOf = (layer: SourceBlob['layer']): SourceArtifact => {
    const config = new TextEncoder().encode('{}');
    const configured = { mediaType: 'application/x-own', digest: digestBytes(config), size: config.byteLength };
    return {
      kind: 'artifact',
      names: [],
      manifest: buildOciManifest({ config: configured, layers: [descriptor] }),
      blobs: [
        { descriptor: configured, content: contentOf(config) },
        { descriptor, content: contentOf(packed), layer },
      ],
    };
  };

  test.each([
    ['is pushed when they are right', digestBytes(plain), true],
    ['is refused when they are others', digestBytes(packed), false],
  ])('with layers that a config names %s', async (_name, diffID, isPushed) => {
    await using bench = await openBench();
    const artifact = artifactOf({ diffID, compression: 'gzip' });
    const results = await bench.push(artifact, 'a/app:1', { verify: 'diffid' });
    expect(results[0]?.ok).toBe(isPushed);
  });

  test('that is to be converted goes as it is, and that is told', async () => {
    await using bench = await openBench();
    const artifact = artifactOf(undefined);
    const results = await bench.push(artifact, 'a/app:1', { compression: 'gzip' });
    expect(digestOf(results)).toBe(artifact.manifest.digest);
    expect(warnings(bench)).toEqual(['artifact-kept']);
  });

  test.each([
    ['is told where nothing says what its layers unpack to', undefined, ['artifact-kept']],
    ['is not told where that is compared', { diffID: digestBytes(plain), compression: 'gzip' } as const, []],
  ])('that is to be compared with diffIDs: that it is not %s', async (_name, layer, warned) => {
    await using bench = await openBench();
    await bench.push(artifactOf(layer), 'a/app:1', { verify: 'diffid' });
    expect(warnings(bench)).toEqual(warned);
  });
});

test('blobs that an index lists are sent before it, and a dry run counts them', async () => {
  await using bench = await openBench();
  const index: SourceIndex = {
    kind: 'index',
    names: [],
    manifest: buildIndex({ manifests: [descriptor] }),
    children: [],
    blobs: [{ descriptor, content: contentOf(packed) }],
  };
  const reference = 'a/app:1';
  await bench.push(index, reference, { dryRun: true });
  expect(bench.events.some((event) => event.type === 'blob:planned' && event.digest === descriptor.digest)).toBe(true);
  // This registry wants manifests in an index, as others do not; the blobs come before it all the same.
  await bench.push(index, reference);
  const blob = await fetch(`http://${bench.registry.host}/v2/a/app/blobs/${descriptor.digest}`);
  expect(blob.status).toBe(200);
});

test('a cache of BuildKit, whose index lists layers, is there when they are', async () => {
  await using bench = await openBench();
  const config = new TextEncoder().encode('{"layers":[]}');
  const cache = {
    mediaType: 'application/vnd.buildkit.cacheconfig.v0',
    digest: digestBytes(config),
    size: config.byteLength,
  };
  const index = buildIndex({ manifests: [descriptor, cache] });
  const refused = await fetch(`${bench.registry.url}/v2/a/cache/manifests/1`, {
    method: 'PUT',
    headers: { 'content-type': index.mediaType },
    body: new Uint8Array(index.bytes),
  });
  expect(refused.status).toBe(400);
  const blobs = [
    { descriptor, content: contentOf(packed) },
    { descriptor: cache, content: contentOf(config) },
  ];
  const artifact: SourceArtifact = { kind: 'artifact', names: [], manifest: index, blobs };
  expect(digestOf(await bench.push(artifact, 'a/cache:1'))).toBe(index.digest);
  expect(bench.registry.tags('a/cache')).toEqual(['1']);
  await bench.registry.verify();
});
