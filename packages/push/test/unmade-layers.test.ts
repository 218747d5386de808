import { execFileSync } from 'node:child_process';
import { contentOf, createZstdCompressor, digestBytes, type ReadableCompression } from '@slipway/digest';
import type { SourceImage } from '@slipway/image-source';
import { buildDockerManifest, buildOciManifest, mediaTypes } from '@slipway/manifest';
import { readBack, requireTool } from '@slipway/testkit';
import { describe, expect, test } from 'vitest';
import type { PushOptions } from '../src/index.ts';
import { type Bench, digestOf, imageOf, openBench, textBytes } from './setup.ts';

const missing = requireTool('xz', 'bzip2');
const plain = textBytes(93, 40_000);

const packedWith = (program: string, input: Uint8Array): Buffer => execFileSync(program, ['-c'], { input });

/** An image with a manifest and one layer, as the program compresses it. */
function imageOfLayer(
  compression: 'xz' | 'bzip2',
  mediaType: string,
  { spoil = (bytes) => bytes }: { readonly spoil?: (bytes: Buffer) => Buffer } = {},
): SourceImage {
  const packed = spoil(packedWith(compression, plain));
  const descriptor = { mediaType, digest: digestBytes(packed), size: packed.byteLength };
  const layer = { diffID: digestBytes(plain), content: contentOf(packed), descriptor };
  const base = imageOf([{ ...layer, compression: compression as ReadableCompression }]);
  const { digest, bytes } = base.config;
  const isDocker = mediaType.startsWith('application/vnd.docker.');
  const configType = isDocker ? mediaTypes.dockerConfig : mediaTypes.ociConfig;
  const parts = { config: { mediaType: configType, digest, size: bytes.byteLength }, layers: [descriptor] };
  return { ...base, manifest: isDocker ? buildDockerManifest(parts) : buildOciManifest(parts) };
}

const warnings = (bench: Bench): readonly string[] =>
  bench.events.flatMap((event) => (event.type === 'warning' ? [`${event.code}: ${event.message}`] : []));

describe.skipIf(missing)('layers in xz and bzip2, for which there is no media type', () => {
  test.each<[string, 'xz' | 'bzip2', string, PushOptions, string]>([
    ['made anew as gzip', 'xz', mediaTypes.ociLayerGzip, { compression: 'gzip' }, mediaTypes.ociLayerGzip],
    ['made anew as zstd', 'bzip2', mediaTypes.ociLayer, { compression: 'zstd' }, mediaTypes.ociLayerZstd],
    ['unpacked', 'xz', `${mediaTypes.ociLayer}+xz`, { compression: 'none' }, mediaTypes.ociLayer],
    ['gzip in another format', 'bzip2', mediaTypes.ociLayer, { format: 'docker' }, mediaTypes.dockerLayerGzip],
    ['gzip in the same format', 'xz', `${mediaTypes.ociLayer}+xz`, { format: 'oci' }, mediaTypes.ociLayerGzip],
    ['gzip of Docker’s', 'xz', `${mediaTypes.dockerLayer}.xz`, { compression: 'gzip' }, mediaTypes.dockerLayerGzip],
  ])('%s: %s called %s', async (_name, compression, called, options, expected) => {
    await using bench = await openBench({ zstd: createZstdCompressor() });
    const image = imageOfLayer(compression, called);
    const planned = digestOf(await bench.push(image, 'a/app:1', { ...options, dryRun: true }));
    expect(digestOf(await bench.push(image, 'a/app:1', options))).toBe(planned);
    const [layer] = (await readBack(bench.registry.host, 'a/app', '1')).layers;
    expect(layer).toMatchObject({ mediaType: expected, diffID: digestBytes(plain) });
    expect(warnings(bench)).toEqual([]);
  });

  test.each([
    ['xz', mediaTypes.ociLayerGzip],
    ['bzip2', `${mediaTypes.ociLayer}+bzip2`],
  ] as const)('%s called %s is kept, and told', async (compression, called) => {
    await using bench = await openBench();
    const image = imageOfLayer(compression, called);
    expect(digestOf(await bench.push(image, 'a/app:1'))).toBe(image.manifest?.digest);
    expect(warnings(bench)).toEqual([
      `layer-unreadable: 1 layer is compressed with ${compression}, which most runtimes cannot unpack; ` +
        'not compared with the diffIDs. `compression: gzip` makes them anew',
    ]);
  });

  test.each([
    ['cut short', (bytes: Buffer) => bytes.subarray(0, bytes.byteLength / 2)],
    ['of other bytes', () => packedWith('xz', textBytes(94, 300))],
  ])('one that is %s is refused when it is made anew', async (_name, spoil) => {
    await using bench = await openBench();
    const image = imageOfLayer('xz', mediaTypes.ociLayer, { spoil });
    const [result] = await bench.push(image, 'a/app:1', { compression: 'gzip' });
    expect(result).toMatchObject({ ok: false, error: { origin: 'source' } });
  });
});
