import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  type EmbeddedRegistry,
  flipByte,
  multiPlatformImage,
  randomImage,
  readBack,
  requireTool,
  skopeo,
  startDebianRegistry,
  startRegistry,
  temporaryFolder,
  writeOciLayout,
} from '../src/index.ts';
import { encode, seedImage } from './client.ts';

describe.skipIf(requireTool('skopeo'))('readBack', () => {
  async function copy(layout: string, registry: { readonly host: string }): Promise<void> {
    const copied = await skopeo([
      'copy',
      '--all',
      '--dest-tls-verify=false',
      `oci:${layout}:v1`,
      `docker://${registry.host}/app:v1`,
    ]);
    expect(copied).toMatchObject({ code: 0 });
  }

  test.each(['none', 'gzip', 'zstd'] as const)('proves an image with %s layers', async (layerCompression) => {
    await using folder = await temporaryFolder();
    await using registry = await startRegistry();
    const image = await randomImage();
    const { entries } = await writeOciLayout(folder.path, [{ content: image, refName: 'v1' }], { layerCompression });
    await copy(folder.path, registry);
    const read = await readBack(registry.host, 'app', 'v1');
    expect(read).toMatchObject({
      kind: 'image',
      // skopeo compresses what is not, and so makes a manifest of its own.
      digest: layerCompression === 'none' ? expect.anything() : entries[0]?.digest,
      config: { digest: image.imageID },
      children: [],
    });
    expect(read.layers.map(({ diffID }) => diffID)).toEqual(image.layers.map(({ diffID }) => diffID));
    const carried = registry.requests
      .filter(({ method }) => method === 'GET')
      .reduce((sum, { responseBytes }) => sum + responseBytes, 0);
    expect(carried).toBeGreaterThanOrEqual(read.totalBytes);
  });

  test("proves an index of images, also from Debian's registry", async () => {
    if (requireTool('docker-registry')) return;
    await using folder = await temporaryFolder();
    await using registry = await startDebianRegistry();
    const images = await multiPlatformImage([
      { os: 'linux', architecture: 'amd64' },
      { os: 'linux', architecture: 'arm', variant: 'v7' },
    ]);
    await writeOciLayout(folder.path, [{ content: images, refName: 'v1' }]);
    await copy(folder.path, registry);
    const read = await readBack(registry.host, 'app', 'v1');
    expect(read.kind).toBe('index');
    expect(read.children.map(({ config }) => config?.digest)).toEqual(images.map(({ imageID }) => imageID));
    expect(await readBack(registry.host, 'app', read.digest)).toEqual(read);
  });

  test('finds a blob that was harmed', async () => {
    await using folder = await temporaryFolder();
    await using layout = await temporaryFolder();
    await using registry = await startRegistry({ folder: folder.path });
    await writeOciLayout(layout.path, [{ content: await randomImage(), refName: 'v1' }]);
    await copy(layout.path, registry);
    const { layers } = await readBack(registry.host, 'app', 'v1');
    await flipByte(join(folder.path, 'blobs', ...(layers[1]?.digest ?? '').split(':')), -1);
    await expect(readBack(registry.host, 'app', 'v1')).rejects.toMatchObject({
      code: expect.stringMatching(/MISMATCH|CORRUPT/),
    });
  });
});

describe('readBack refuses', () => {
  async function withConfig(registry: EmbeddedRegistry, diffIDs: readonly string[]): Promise<void> {
    const document = JSON.parse(new TextDecoder().decode(await seedImage(registry)));
    const { blobs } = await registry.seed('app', { blobs: [encode({ rootfs: { diff_ids: diffIDs } })] });
    const bytes = encode({
      ...document,
      config: { ...document.config, ...blobs[0], mediaType: document.config.mediaType },
    });
    await registry.seed('app', { manifests: [{ bytes, mediaType: document.mediaType, tags: ['v1'] }] });
  }

  test.each([
    [
      "a layer that is not the config's",
      [`sha256:${'0'.repeat(64)}`],
      /Expected layer sha256:[0-9a-f]{64} to have diffID sha256:000/,
    ],
    ['a layer too many', [], 'Expected 0 layers, as the config has diffIDs, got 1'],
  ] as const)('%s', async (_, diffIDs, message) => {
    await using registry = await startRegistry();
    await withConfig(registry, diffIDs);
    await expect(readBack(registry.host, 'app', 'v1')).rejects.toMatchObject({
      code: 'ERR_TESTKIT_INCONSISTENT',
      message: expect.stringMatching(message),
    });
  });

  test('a manifest under another digest', async () => {
    await using registry = await startRegistry();
    await seedImage(registry);
    const other = await seedImage(registry, 'app', 'v2');
    registry.misbehave({
      match: { kind: 'manifest-get' },
      status: 200,
      body: JSON.parse(new TextDecoder().decode(other)),
    });
    await expect(readBack(registry.host, 'app', registry.manifests('app')[0] ?? '')).rejects.toThrow(
      'Expected manifest',
    );
  });

  test('a status that is not 200, with what the registry said', async () => {
    await using registry = await startRegistry();
    await expect(readBack(registry.host, 'app', 'v1')).rejects.toMatchObject({
      code: 'ERR_TESTKIT_UNEXPECTED',
      message: expect.stringContaining('answered 404: {"errors":[{"code":"MANIFEST_UNKNOWN"'),
    });
  });

  test('a manifest beyond the limit', async () => {
    await using registry = await startRegistry();
    await seedImage(registry);
    await expect(readBack(registry.host, 'app', 'v1', { manifestMaxBytes: 10 })).rejects.toThrow(
      'Expected at most 10 bytes',
    );
  });
});
