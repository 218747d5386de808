import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { digestBytes } from '@slipway/digest';
import { randomImage, writeDockerArchive } from '@slipway/testkit';
import { describe, expect, test } from 'vitest';
import type { SourceImage, SourceItem } from '../src/image-source.ts';
import { openSource } from '../src/open-source.ts';
import { dockerArchiveOf, soundDocker } from './handmade-image.ts';
import { bytesOf } from './read-content.ts';
import { temporaryFolder } from './temporary-folder.ts';

const folder = temporaryFolder();

async function written(bytes: Uint8Array): Promise<string> {
  const path = join(folder(), 'a.tar');
  await writeFile(path, bytes);
  return path;
}

function imageAt(items: readonly SourceItem[], at: number): SourceImage {
  const item = items[at];
  if (item?.kind !== 'image') throw new Error(`expected an image, got ${item?.kind}`);
  return item;
}

describe('a docker archive', () => {
  test.each([
    ['as docker before 25 saved it', { layout: 'old' }],
    ['without links', { layout: 'old', links: false }],
    ['as docker from 25 on saves it', { layout: 'new' }],
    ['with gzip layers', { layout: 'new', layerCompression: 'gzip' }],
    ['with zstd layers', { layout: 'new', layerCompression: 'zstd' }],
    ['with gzip layers in folders', { layout: 'old', layerCompression: 'gzip' }],
    ['within gzip', { layout: 'old', compression: 'gzip' }],
    ['within zstd', { layout: 'new', compression: 'zstd' }],
  ] as const)('%s gives back every image, name and byte', async (_, options) => {
    const base = await randomImage({ seed: 'base' });
    const app = await randomImage({
      seed: 'app',
      layers: [base.layers[0]!, { seed: 'own', size: 700_000 }, base.layers[0]!],
    });
    const path = join(folder(), 'image.bin');
    const images = [
      { image: base, references: ['base:v1', 'ghcr.io/me/base:v1'] },
      { image: app, references: [] },
    ];
    await writeDockerArchive(path, images, options);
    await using source = await openSource(path, { spoolFolder: folder() });
    expect(source.kind).toBe('docker-archive');
    expect(source.name).toBe(path);
    expect(source.items.map(({ names }) => names)).toEqual(images.map(({ references }) => references));
    for (const [at, { image }] of images.entries()) {
      const item = imageAt(source.items, at);
      expect(item.platform).toEqual({ os: 'linux', architecture: 'amd64' });
      expect(item.manifest).toBeUndefined();
      expect(item.config.digest).toBe(image.imageID);
      expect(Buffer.from(item.config.bytes).equals(image.configBytes)).toBe(true);
      expect(item.layers.map(({ diffID }) => diffID)).toEqual(image.layers.map(({ diffID }) => diffID));
      for (const [index, layer] of item.layers.entries()) {
        const { layerCompression = 'none' } = options as { layerCompression?: string };
        expect(layer.compression).toBe(layerCompression);
        const bytes = await bytesOf(layer.content!);
        expect(bytes.byteLength).toBe(layer.content!.size);
        if (layerCompression === 'none') expect(digestBytes(bytes)).toBe(image.layers[index]!.diffID);
        const from = Math.floor(bytes.byteLength / 3);
        expect((await bytesOf(layer.content!, { from })).equals(bytes.subarray(from))).toBe(true);
      }
    }
    if (options.layout === 'old') return; // there each copy of a layer is a file, or a link
    const { layers } = imageAt(source.items, 1);
    expect(layers[2]!.content).toBe(layers[0]!.content);
  });

  test('layers that are links share the content they lead to', async () => {
    const manifest = [{ Config: 'c.json', Layers: ['l/layer.tar', 'm/layer.tar', 'n/layer.tar'] }];
    const config = { rootfs: { type: 'layers', diff_ids: Array(3).fill(soundDocker.diffID) } };
    const links = [
      { name: 'm/layer.tar', type: '2', link: '../l/layer.tar' },
      { name: 'n/layer.tar', type: '1', link: 'm/layer.tar' },
    ];
    await using source = await openSource(await written(dockerArchiveOf({ config, manifest }, ...links)));
    const [first, second, third] = imageAt(source.items, 0).layers;
    expect(second!.content).toBe(first!.content);
    expect(third!.content).toBe(first!.content);
    expect((await bytesOf(first!.content!)).equals(soundDocker.layer)).toBe(true);
  });

  test('a new archive is an OCI archive for those who ask for one', async () => {
    const image = await randomImage();
    const path = join(folder(), 'both.tar');
    await writeDockerArchive(path, [{ image, references: ['app:v1'] }], { layout: 'new' });
    await using source = await openSource(`oci-archive:${path}:app:v1`);
    expect(source.kind).toBe('oci-archive');
    const item = imageAt(source.items, 0);
    expect(item.names).toEqual(['app:v1']);
    expect(item.manifest?.mediaType).toBe('application/vnd.oci.image.manifest.v1+json');
    expect(item.config.digest).toBe(image.imageID);
  });

  test('names are in familiar form, once each', async () => {
    const RepoTags = ['docker.io/library/app:v1', 'app:v1', 'ghcr.io/me/app:v1'];
    const manifest = [{ Config: 'c.json', RepoTags, Layers: ['./l//layer.tar'] }];
    await using source = await openSource(await written(dockerArchiveOf({ manifest })));
    expect(imageAt(source.items, 0).names).toEqual(['app:v1', 'ghcr.io/me/app:v1']);
  });

  test('an archive of no images has no items', async () => {
    await using source = await openSource(await written(dockerArchiveOf({ manifest: [] })));
    expect(source.items).toEqual([]);
  });

  describe('with LayerSources', () => {
    const { diffID } = soundDocker;
    const descriptor = {
      mediaType: 'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip',
      digest: `sha256:${'1'.repeat(64)}`,
      size: 42,
      urls: ['https://example.com/layer'],
    };
    const manifestWith = (source: object, layer: string): unknown => [
      { Config: 'c.json', Layers: [layer], LayerSources: { [diffID]: source } },
    ];

    test('keeps the descriptor of a layer it carries', async () => {
      const manifest = manifestWith(descriptor, 'l/layer.tar');
      await using source = await openSource(await written(dockerArchiveOf({ manifest })));
      const [layer] = imageAt(source.items, 0).layers;
      expect(layer!.descriptor).toEqual(descriptor);
      expect(layer!.content!.size).toBe(soundDocker.layer.byteLength);
    });

    test('may leave a foreign layer out', async () => {
      const manifest = manifestWith(descriptor, 'gone/layer.tar');
      await using source = await openSource(await written(dockerArchiveOf({ manifest })));
      expect(imageAt(source.items, 0).layers).toEqual([
        { diffID, content: undefined, compression: 'none', descriptor },
      ]);
    });

    test.each([
      ['is no descriptor', 7, 'is not an object'],
      ['has no media type', { ...descriptor, mediaType: '' }, 'mediaType is missing'],
      ['has no digest', { ...descriptor, digest: 'sha256:1' }, '"sha256:1" is not a digest'],
      ['has a negative size', { ...descriptor, size: -1 }, 'size -1 is no number of bytes'],
      ['has urls that are no list', { ...descriptor, urls: 'x' }, 'urls is not a list of strings'],
      ['has annotations that are no texts', { ...descriptor, annotations: { a: 1 } }, 'a is not a string'],
    ])('is refused when one %s', async (_, source, reason) => {
      const path = await written(dockerArchiveOf({ manifest: manifestWith(source as object, 'l/layer.tar') }));
      const message = expect.stringContaining(reason);
      await expect(openSource(path)).rejects.toMatchObject({ code: 'ERR_SOURCE_INVALID', message });
    });
  });

  test.each([
    ['reference', ':app:v1', ['app:v1']],
    ['canonical reference', ':docker.io/library/app:v1', ['app:v1']],
    ['reference without its tag', ':other', ['other:latest']],
    ['position', ':@1', ['other:latest']],
  ])('one image is chosen by its %s', async (_, selector, names) => {
    const manifest = ['app:v1', 'other:latest'].map((tag) => ({
      Config: 'c.json',
      RepoTags: [tag],
      Layers: ['l/layer.tar'],
    }));
    const path = await written(dockerArchiveOf({ manifest }));
    await using source = await openSource(`docker-archive:${path}${selector}`);
    expect(source.items.map((item) => item.names)).toEqual([names]);
  });

  test.each([
    [':app:v2', 'ERR_SOURCE_NOT_FOUND', 'No image "app:v2" in'],
    [':@1', 'ERR_SOURCE_NOT_FOUND', 'No image at position 1 in'],
    [':App', 'ERR_SOURCE_NOT_FOUND', 'No image "App" in'],
    [':a//b', 'ERR_SOURCE_TEXT', 'Cannot look for "a//b": it is not a reference'],
  ])('what %s asks for is not there: %s', async (selector, code, reason) => {
    const path = await written(dockerArchiveOf());
    const opening = openSource(`docker-archive:${path}${selector}`);
    await expect(opening).rejects.toMatchObject({ code, message: expect.stringContaining(reason) });
    if (code !== 'ERR_SOURCE_NOT_FOUND') return;
    await expect(openSource(`docker-archive:${path}${selector}`)).rejects.toMatchObject({
      hint: 'It holds: @0 app:v1',
    });
  });

  const manifest = (changes: object): object => ({
    manifest: [{ ...(soundDocker.manifest as object[])[0], ...changes }],
  });
  const config = (changes: object): object => ({ config: { ...(soundDocker.config as object), ...changes } });
  const diffIDs = (...diff_ids: unknown[]): object => config({ rootfs: { type: 'layers', diff_ids } });
  test.each([
    ['manifest.json is null', { manifest: null }, 'invalid manifest, manifest cannot be null (but can be [])'],
    ['manifest.json is an object', { manifest: {} }, '"manifest.json" in'],
    ['manifest.json is no JSON', { manifest: '[{' }, 'is not JSON'],
    ['manifest.json is empty', { manifest: '' }, 'is not JSON'],
    ['an entry is null', { manifest: [null] }, 'image 0 is not an object'],
    ['Config is missing', manifest({ Config: undefined }), 'Config is missing'],
    ['Config is a number', manifest({ Config: 1 }), 'Config is not a string'],
    ['Config is not in the archive', manifest({ Config: 'd.json' }), '"d.json" in'],
    ['Config leads out', manifest({ Config: '../c.json' }), '"../c.json" leads out of the archive'],
    ['Config is a folder', manifest({ Config: 'folder' }), '"folder" is not a regular file'],
    ['Layers holds a number', manifest({ Layers: [1] }), 'Layers is not a list of strings'],
    ['too few layers', manifest({ Layers: [] }), 'invalid manifest, layers length mismatch: expected 1, got 0'],
    [
      'too many layers',
      manifest({ Layers: ['a', 'b'] }),
      'invalid manifest, layers length mismatch: expected 1, got 2',
    ],
    ['a layer is missing', manifest({ Layers: ['x'] }), `"x" in`],
    ['a layer is absolute', manifest({ Layers: ['/etc/passwd'] }), '"/etc/passwd" in'],
    ['a layer has a backslash', manifest({ Layers: ['l\\layer.tar'] }), 'has a backslash in its name'],
    ['the config has no rootfs', config({ rootfs: undefined }), 'invalid image JSON, no RootFS key'],
    ['the config is no JSON', { config: 'x' }, '"c.json" in'],
    ['the config is a list', { config: [] }, 'expected an object'],
    ['diff_ids is a string', diffIDs('sha256:1'), 'rootfs.diff_ids[0]: expected a digest'],
    [
      'the config lies about its digest',
      manifest({ Config: `blobs/sha256/${'0'.repeat(64)}` }),
      'is corrupt: its digest is sha256:',
    ],
  ])('is refused when %s', async (_, changes, reason) => {
    const more = [
      { name: 'folder/', type: '5' },
      { name: `blobs/sha256/${'0'.repeat(64)}`, data: '{}' },
    ];
    const path = await written(dockerArchiveOf(changes, ...more));
    const code = 'ERR_SOURCE_INVALID';
    const message = expect.stringContaining(reason);
    await expect(openSource(path)).rejects.toMatchObject({ code, message, origin: 'source' });
    await expect(openSource(path)).rejects.toThrow(JSON.stringify(path));
  });

  test('steps of the history without a layer are not counted', async () => {
    const changes = config({ history: [{ empty_layer: true }, {}, { empty_layer: true }] });
    await using source = await openSource(await written(dockerArchiveOf(changes)));
    expect(source.items).toHaveLength(1);
  });

  test('a blob whose name is a digest comes with it, for whoever reads it to compare', async () => {
    const name = `blobs/sha256/${'0'.repeat(64)}`;
    const path = await written(dockerArchiveOf(manifest({ Layers: [name] }), { name, data: soundDocker.layer }));
    await using source = await openSource(path);
    const { descriptor } = imageAt(source.items, 0).layers[0]!;
    expect(descriptor).toMatchObject({ digest: `sha256:${'0'.repeat(64)}`, size: soundDocker.layer.byteLength });
  });

  test.each([
    ['manifest.json', { maxListBytes: 10 }],
    ['c.json', { maxDocumentBytes: 10 }],
  ])('a %s beyond the limit is refused before it is read', async (name, limits) => {
    const path = await written(dockerArchiveOf());
    const message = expect.stringMatching(`^"${name}" in .* is refused: it has \\d+ bytes, more than the limit of 10$`);
    await expect(openSource(path, { limits })).rejects.toMatchObject({ code: 'ERR_SOURCE_INVALID', message });
  });

  test('a config that many images share is read and held once', async () => {
    const entry = { Config: 'c.json', Layers: ['l/layer.tar'] };
    const path = await written(dockerArchiveOf({ manifest: Array(50).fill(entry) }));
    const maxMetadataBytes = 2 * JSON.stringify(soundDocker.config).length;
    await using source = await openSource(path, { limits: { maxMetadataBytes } });
    expect(imageAt(source.items, 49).config.bytes).toBe(imageAt(source.items, 0).config.bytes);
  });

  test.each([
    [{ maxManifests: 1 }, 'lists more than 1 images'],
    [{ maxMetadataBytes: 10 }, 'has more than 10 bytes of configs and manifests'],
  ])('more than %o allows is refused', async (limits, reason) => {
    const entry = { Config: 'c.json', Layers: ['l/layer.tar'] };
    const path = await written(dockerArchiveOf({ manifest: [entry, entry] }));
    const message = expect.stringContaining(reason);
    await expect(openSource(path, { limits })).rejects.toMatchObject({ code: 'ERR_SOURCE_INVALID', message });
  });
});
