import { cp, mkdir, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Digest, digestBytes } from '@slipway/digest';
import { multiPlatformImage, randomImage, type TestImage, writeOciArchive, writeOciLayout } from '@slipway/testkit';
import { describe, expect, test } from 'vitest';
import type { SourceArtifact, SourceImage, SourceIndex, SourceItem, SourceNotice } from '../src/image-source.ts';
import { openSource } from '../src/open-source.ts';
import {
  blobOf,
  describe as described,
  type HandmadeBlob,
  indexOf,
  ociArchiveOf,
  soundOci,
  types,
} from './handmade-image.ts';
import { bytesOf } from './read-content.ts';
import { temporaryFolder } from './temporary-folder.ts';

const folder = temporaryFolder();

async function written(bytes: Uint8Array): Promise<string> {
  const path = join(folder(), 'a.tar');
  await writeFile(path, bytes);
  return path;
}

function as<Kind extends SourceItem['kind']>(kind: Kind, item: SourceItem | undefined): SourceItem & { kind: Kind } {
  if (item?.kind !== kind) throw new Error(`expected ${kind}, got ${item?.kind}`);
  return item as SourceItem & { kind: Kind };
}

async function expectImage(item: SourceItem | undefined, image: TestImage): Promise<void> {
  const found: SourceImage = as('image', item);
  expect(found.config.digest).toBe(image.imageID);
  expect(found.platform).toEqual(image.platform);
  expect(digestBytes(found.manifest!.bytes)).toBe(found.manifest!.digest);
  expect(found.layers.map(({ diffID }) => diffID)).toEqual(image.layers.map(({ diffID }) => diffID));
  for (const { content, descriptor } of found.layers) {
    expect(digestBytes(await bytesOf(content!))).toBe(descriptor!.digest);
    expect(content!.size).toBe(descriptor!.size);
  }
}

describe.each([
  ['folder', 'oci-layout', 'oci:', writeOciLayout],
  ['archive', 'oci-archive', 'oci-archive:', writeOciArchive],
] as const)('an OCI layout in a %s', (_, kind, transport, write) => {
  const path = (): string => join(folder(), 'layout');

  test.each([
    ['gzip', 'oci'],
    ['zstd', 'oci'],
    ['none', 'oci'],
    ['gzip', 'docker'],
  ] as const)('gives back images with %s layers and %s documents', async (layerCompression, format) => {
    const image = await randomImage({ layers: [{ seed: 1 }, { seed: 2, size: 700_000 }] });
    await write(path(), [{ content: image, refName: 'v1' }], { layerCompression, format });
    await using source = await openSource(path());
    expect(source.kind).toBe(kind);
    expect(source.items).toHaveLength(1);
    await expectImage(source.items[0], image);
    expect(source.items[0]!.names).toEqual(['v1']);
    expect(as('image', source.items[0]).layers.map(({ compression }) => compression)).toEqual([
      layerCompression,
      layerCompression,
    ]);
  });

  test('gives back indexes within indexes, with a child per platform', async () => {
    const platforms = [
      { os: 'linux', architecture: 'amd64' },
      { os: 'linux', architecture: 'arm', variant: 'v7' },
    ];
    const images = await multiPlatformImage(platforms);
    await write(path(), [{ content: images, refName: 'v1' }], { nested: true });
    await using source = await openSource(path());
    const outer: SourceIndex = as('index', source.items[0]);
    const inner: SourceIndex = as('index', outer.children[0]!.item);
    expect(inner.children.map(({ descriptor }) => descriptor.platform)).toEqual(platforms);
    await expectImage(inner.children[0]!.item, images[0]!);
    await expectImage(inner.children[1]!.item, images[1]!);
  });

  test('carries artifacts as they are', async () => {
    const image = await randomImage();
    const sbom = {
      artifactType: 'application/spdx+json',
      blobs: [{ mediaType: 'text/plain', bytes: Buffer.from('sbom') }],
      subject: image,
    };
    await write(path(), [{ content: image, refName: 'v1' }, { content: sbom }]);
    await using source = await openSource(path());
    const artifact: SourceArtifact = as('artifact', source.items[1]);
    expect(artifact.names).toEqual([]);
    expect(artifact.blobs.map(({ descriptor }) => descriptor.mediaType)).toEqual([
      'application/vnd.oci.empty.v1+json',
      'text/plain',
    ]);
    expect(String(await bytesOf(artifact.blobs[1]!.content))).toBe('sbom');
  });

  test.each([
    ['a tag', ':v1', 0],
    ['a full reference', ':ghcr.io/me/app:v2', 1],
    ['the long form of a name', ':docker.io/library/app:v3', 2],
    ['the short form of a name', ':app:v3', 2],
    ['the tag alone of a name that no other image has', ':v2', 1],
    ['the tag alone of a short name', ':v3', 2],
  ])('one image is chosen by %s', async (_how, selector, at) => {
    const images = await multiPlatformImage(
      ['amd64', 'arm64', 's390x'].map((architecture) => ({ os: 'linux', architecture })),
    );
    const names = ['v1', 'ghcr.io/me/app:v2', 'docker.io/library/app:v3'];
    await write(
      path(),
      images.map((content, index) => ({ content, refName: names[index]! })),
    );
    await using source = await openSource(`${transport}${path()}${selector}`);
    expect(source.items).toHaveLength(1);
    await expectImage(source.items[0], images[at]!);
  });

  test('one image is chosen by digest, at the top and within an index', async () => {
    const images = await multiPlatformImage(['amd64', 'arm64'].map((architecture) => ({ os: 'linux', architecture })));
    const { entries } = await write(path(), [{ content: images, refName: 'v1' }]);
    await using whole = await openSource(`${transport}${path()}@${entries[0]!.digest}`);
    const index: SourceIndex = as('index', whole.items[0]);
    await using part = await openSource(`${transport}${path()}@${index.children[1]!.descriptor.digest}`);
    expect(part.items).toHaveLength(1);
    await expectImage(part.items[0], images[1]!);
  });

  test('an image with several tags is one item with several names, and shares its layers with others', async () => {
    const base = await randomImage({ seed: 'base' });
    const app = await randomImage({ seed: 'app', layers: [base.layers[0]!] });
    await write(path(), [{ content: base, refName: 'v1' }, { content: app }, { content: base, refName: 'v2' }]);
    await using source = await openSource(path());
    expect(source.items.map(({ names }) => names)).toEqual([['v1', 'v2'], []]);
    const [first, second] = source.items.map((item) => as('image', item).layers[0]!.content);
    expect(second).toBe(first);
  });

  test('what is not there, and what is there, is said', async () => {
    const { entries } = await write(path(), [{ content: await randomImage(), refName: 'v1' }]);
    const hint = `It holds: v1 @${entries[0]!.digest}`;
    const message = `No image "v2" in ${JSON.stringify(path())}`;
    await expect(openSource(`${transport}${path()}:v2`)).rejects.toMatchObject({
      code: 'ERR_SOURCE_NOT_FOUND',
      message,
      hint,
    });
    const other = openSource(`${transport}${path()}@sha256:${'0'.repeat(64)}`);
    await expect(other).rejects.toMatchObject({ code: 'ERR_SOURCE_NOT_FOUND', hint });
  });

  test('a tag of two names chooses neither; the image that is called just so goes before them', async () => {
    const images = [await randomImage({ seed: 1 }), await randomImage({ seed: 2 }), await randomImage({ seed: 3 })];
    const names = ['127.0.0.1:5000/a:edge', 'quay.io/b:edge', 'edge'];
    const layoutOf = (count: number): Parameters<typeof write>[1] =>
      images.slice(0, count).map((content, at) => ({ content, refName: names[at]! }));
    await write(path(), layoutOf(2));
    const opening = openSource(`${transport}${path()}:edge`);
    await expect(opening).rejects.toMatchObject({
      code: 'ERR_SOURCE_NOT_FOUND',
      hint: expect.stringContaining('quay.io/b:edge'),
    });
    await expect(openSource(`${transport}${path()}:5000`)).rejects.toMatchObject({ code: 'ERR_SOURCE_NOT_FOUND' });
    await rm(path(), { recursive: true });
    await write(path(), layoutOf(3));
    await using source = await openSource(`${transport}${path()}:edge`);
    expect(source.items.map((item) => item.names)).toEqual([['edge']]);
  });

  test('a tag that two images have chooses neither', async () => {
    const images = [await randomImage({ seed: 1 }), await randomImage({ seed: 2 })];
    await write(
      path(),
      images.map((content) => ({ content, refName: 'latest' })),
    );
    const opening = openSource(`${transport}${path()}:latest`);
    const message = expect.stringContaining('2 images are called "latest"');
    const hint = expect.stringContaining('Ask for one by its digest');
    await expect(opening).rejects.toMatchObject({ code: 'ERR_SOURCE_NOT_FOUND', message, hint });
  });
});

describe('a handmade layout', () => {
  const { layer, config, manifest } = soundOci();
  const sound = described(manifest, types.manifest);
  const manifestOf = (changes: object): HandmadeBlob => blobOf({ ...JSON.parse(String(manifest.bytes)), ...changes });
  const open = async (index: unknown, ...blobs: HandmadeBlob[]): Promise<readonly SourceItem[]> => {
    await using source = await openSource(await written(ociArchiveOf(index, ...blobs)));
    return source.items;
  };

  test("containerd's full name comes instead of the bare tag, and both can be asked for", async () => {
    const annotations = {
      'io.containerd.image.name': 'docker.io/library/app:v1',
      'org.opencontainers.image.ref.name': 'v1',
    };
    const path = await written(ociArchiveOf(indexOf({ ...sound, annotations }), layer, config, manifest));
    for (const selector of ['', ':v1', ':app:v1', ':docker.io/library/app:v1']) {
      await using source = await openSource(`oci-archive:${path}${selector}`);
      expect(source.items.map(({ names }) => names)).toEqual([['app:v1']]);
    }
  });

  test.each([
    ['io.containerd.image.name', 'ghcr.io/me/app:2.1'],
    ['org.opencontainers.image.ref.name', 'docker.io/library/app:2.1'],
  ])('a full name in %s alone is found by its tag', async (key, name) => {
    const entry = { ...sound, annotations: { [key]: name } };
    const path = await written(ociArchiveOf(indexOf(entry), layer, config, manifest));
    await using source = await openSource(`oci-archive:${path}:2.1`);
    expect(source.items).toHaveLength(1);
    await expect(openSource(`oci-archive:${path}:2`)).rejects.toMatchObject({ code: 'ERR_SOURCE_NOT_FOUND' });
  });

  test.each<[string, object, object]>([
    ['an artifactType', { artifactType: 'application/x' }, {}],
    ['a config of another type', { config: described(config, 'application/vnd.cncf.helm.config.v1+json') }, {}],
    ['a layer of another type', { layers: [described(layer, 'application/vnd.in-toto+json')] }, {}],
    ['an encrypted layer', { layers: [described(layer, `${types.layer}+encrypted`)] }, {}],
    ["buildx's mark on its descriptor", {}, { annotations: { 'vnd.docker.reference.type': 'attestation-manifest' } }],
  ])('a manifest with %s is an artifact', async (_, changes, more) => {
    const blob = manifestOf(changes);
    const items = await open(indexOf(described(blob, types.manifest, more)), layer, config, blob);
    const artifact: SourceArtifact = as('artifact', items[0]);
    expect(artifact.blobs.map(({ descriptor }) => descriptor.digest)).toEqual([config.digest, layer.digest]);
    expect(Buffer.from(artifact.manifest.bytes).equals(blob.bytes)).toBe(true);
  });

  test('a manifest whose config has no rootfs is an artifact', async () => {
    const empty = blobOf({});
    const blob = manifestOf({ config: described(empty, types.config) });
    expect((await open(indexOf(described(blob, types.manifest)), layer, empty, blob))[0]!.kind).toBe('artifact');
  });

  test('an entry of a type nobody knows is passed over beside an image, and refused alone', async () => {
    const blob = blobOf('<xml/>');
    const notices: SourceNotice[] = [];
    const path = await written(
      ociArchiveOf(indexOf(described(blob, 'application/xml'), sound), layer, config, manifest, blob),
    );
    await using source = await openSource(path, { onNotice: (notice) => notices.push(notice) });
    expect(source.items.map(({ manifest: found }) => found?.digest)).toEqual([manifest.digest]);
    expect(notices).toMatchObject([{ code: 'entry-not-image' }]);
    await expect(open(indexOf(described(blob, 'application/xml')), blob)).rejects.toMatchObject({
      code: 'ERR_SOURCE_UNSUPPORTED',
      message: expect.stringContaining('"application/xml", which is no manifest'),
    });
  });

  test.each(['application/json', 'text/plain', 'application/octet-stream', `${types.manifest}; charset=utf-8`])(
    'a manifest that is called %s is what its document says',
    async (mediaType) => {
      const image = as('image', (await open(indexOf(described(manifest, mediaType)), layer, config, manifest))[0]);
      expect(image.manifest?.mediaType).toBe(types.manifest);
      expect(image.layers).toHaveLength(1);
    },
  );

  test('an index of nothing but blobs, as BuildKit’s cache is, is an artifact of them', async () => {
    const cache = described(config, 'application/vnd.buildkit.cacheconfig.v0');
    const index = blobOf(indexOf(described(layer, types.layer), cache));
    const artifact = as('artifact', (await open(indexOf(described(index, types.index)), layer, config, index))[0]);
    expect(artifact.manifest.digest).toBe(index.digest);
    expect(artifact.blobs.map(({ descriptor }) => descriptor.digest)).toEqual([layer.digest, config.digest]);
  });

  test('entries of an index that are no manifests are blobs beside its children', async () => {
    const index = blobOf(indexOf(sound, described(layer, types.layer)));
    const item = as('index', (await open(indexOf(described(index, types.index)), layer, config, manifest, index))[0]);
    expect(item.children.map(({ item: child }) => child.kind)).toEqual(['image']);
    expect(item.blobs?.map(({ descriptor }) => descriptor.digest)).toEqual([layer.digest]);
  });

  test("the artifact manifest of image-spec's release candidate lists blobs", async () => {
    const mediaType = 'application/vnd.oci.artifact.manifest.v1+json';
    const blob = blobOf({ mediaType, artifactType: 'application/x', blobs: [described(layer, 'application/y')] });
    const items = await open(indexOf(described(blob, mediaType)), layer, blob);
    expect(as('artifact', items[0]).blobs.map(({ descriptor }) => descriptor.digest)).toEqual([layer.digest]);
  });

  test('an attestation within an index is an artifact beside its image', async () => {
    const attestation = manifestOf({ layers: [described(layer, 'application/vnd.in-toto+json')] });
    const annotations = { 'vnd.docker.reference.type': 'attestation-manifest' };
    const index = blobOf(indexOf(sound, described(attestation, types.manifest, { annotations })));
    const items = await open(indexOf(described(index, types.index)), layer, config, manifest, attestation, index);
    expect(as('index', items[0]).children.map(({ item }) => item.kind)).toEqual(['image', 'artifact']);
  });

  test('content may be embedded in its descriptor', async () => {
    const embedded = (blob: HandmadeBlob, type: string): object =>
      described(blob, type, { data: blob.bytes.toString('base64') });
    const blob = manifestOf({ config: embedded(config, types.config), layers: [embedded(layer, types.layer)] });
    const image = as('image', (await open(indexOf(embedded(blob, types.manifest))))[0]);
    expect((await bytesOf(image.layers[0]!.content!)).equals(layer.bytes)).toBe(true);
  });

  const nondistributable = 'application/vnd.oci.image.layer.nondistributable.v1.tar+gzip';
  test.each([nondistributable, types.layer])(
    'a layer of %s that says where it is may be missing',
    async (mediaType) => {
      const urls = ['https://elsewhere.example/layer'];
      const blob = manifestOf({ layers: [described(layer, mediaType, { urls })] });
      const image = as('image', (await open(indexOf(described(blob, types.manifest)), config, blob))[0]);
      expect(image.layers[0]).toMatchObject({ content: undefined, descriptor: { mediaType, urls } });
    },
  );

  test.each<[string, string, object]>([
    ['does not say where it is', nondistributable, {}],
    ['names no URL at all', nondistributable, { urls: [] }],
    ['names an empty text as its URL', types.layer, { urls: [''] }],
    ['names what is no URL', nondistributable, { urls: ['layer.tar', ' '] }],
  ])('a layer that %s has to be there', async (_, mediaType, more) => {
    const blob = manifestOf({ layers: [described(layer, mediaType, more)] });
    const opening = open(indexOf(described(blob, types.manifest)), config, blob);
    await expect(opening).rejects.toMatchObject({ code: expect.stringMatching(/^ERR_SOURCE_/) });
    await expect(opening).rejects.toThrow(layer.digest);
  });

  test('a layer is read from any offset, which is checked', async () => {
    const path = await written(ociArchiveOf(indexOf(sound), layer, config, manifest));
    await using source = await openSource(path);
    const { content } = as('image', source.items[0]).layers[0]!;
    expect((await bytesOf(content!, { from: 100 })).equals(layer.bytes.subarray(100))).toBe(true);
    expect(await bytesOf(content!, { from: layer.size })).toHaveLength(0);
    await expect(bytesOf(content!, { from: layer.size + 1 })).rejects.toThrow(RangeError);
    await expect(bytesOf(content!, { from: -1 })).rejects.toThrow(RangeError);
  });

  test('documents are compared with their digests when they are read', async () => {
    const bad = { ...config, bytes: Buffer.alloc(config.size, ' ') };
    const message = expect.stringContaining(`its bytes are not those of ${config.digest}`);
    await expect(open(indexOf(sound), layer, bad, manifest)).rejects.toMatchObject({
      code: 'ERR_SOURCE_INVALID',
      message,
    });
  });

  test.each<[string, () => unknown, HandmadeBlob[]]>([
    ['a manifest', () => indexOf(sound), [layer, config]],
    ['a config', () => indexOf(sound), [layer, manifest]],
    ['a layer', () => indexOf(sound), [config, manifest]],
  ])('%s that is missing is named', async (_, index, blobs) => {
    const all: Digest[] = [layer, config, manifest].map(({ digest }) => digest);
    const [gone] = all.filter((digest) => !blobs.some((blob) => blob.digest === digest));
    const message = expect.stringMatching(`^Blobs missing in .*: ${gone}$`);
    await expect(open(index(), ...blobs)).rejects.toMatchObject({ code: 'ERR_SOURCE_NOT_FOUND', message });
  });

  test('all children an index lacks are named, up to ten', async () => {
    const children = Array.from({ length: 12 }, (_, at) => described(blobOf(`gone ${at}`), types.manifest));
    const index = blobOf(indexOf(sound, ...children));
    const message = expect.stringMatching(/: (sha256:[0-9a-f]{64}(, )?){10} and 2 more$/);
    const opening = open(indexOf(described(index, types.index)), layer, config, manifest, index);
    await expect(opening).rejects.toMatchObject({ code: 'ERR_SOURCE_NOT_FOUND', message });
  });

  test('what was not asked for may be missing', async () => {
    const named = { ...sound, annotations: { 'org.opencontainers.image.ref.name': 'v1' } };
    const index = indexOf(described(blobOf('gone'), types.manifest), named);
    const path = await written(ociArchiveOf(index, layer, config, manifest));
    await using byTag = await openSource(`oci-archive:${path}:v1`);
    await using byDigest = await openSource(`oci-archive:${path}@${manifest.digest}`);
    expect([byTag.items.length, byDigest.items.length]).toEqual([1, 1]);
  });

  const nested = (depth: number): { index: object; blobs: HandmadeBlob[] } => {
    let descriptor = sound;
    const blobs = [layer, config, manifest];
    for (let level = 0; level < depth; level += 1) {
      const blob = blobOf(indexOf(descriptor));
      blobs.push(blob);
      descriptor = described(blob, types.index);
    }
    return { index: indexOf(descriptor), blobs };
  };

  test('indexes may be nested eight deep', async () => {
    const { index, blobs } = nested(8);
    expect((await open(index, ...blobs))[0]!.kind).toBe('index');
  });

  test('indexes that multiply are refused before they are walked', async () => {
    let descriptor = sound;
    const blobs = [layer, config, manifest];
    for (let level = 0; level < 6; level += 1) {
      const blob = blobOf(indexOf(...Array(100).fill(descriptor)));
      blobs.push(blob);
      descriptor = described(blob, types.index);
    }
    const message = expect.stringContaining('lists more than 100000 manifests');
    await expect(open(indexOf(descriptor), ...blobs)).rejects.toMatchObject({ code: 'ERR_SOURCE_INVALID', message });
  });

  const liar = (bytes: unknown, digest: Digest): HandmadeBlob => ({ ...blobOf(bytes), digest });
  const fake = `sha256:${'0'.repeat(64)}` as Digest;
  const cycle = liar(indexOf({ mediaType: types.index, digest: fake, size: 1 }), fake);
  test.each<[string, string, unknown, HandmadeBlob[]]>([
    ['index.json is no JSON', '"index.json" in', '{', []],
    ['index.json is a list', 'expected an object, got a list', [], []],
    ['index.json is an image', 'mediaType: expected', JSON.parse(String(manifest.bytes)), []],
    ['index.json is of schema 1', 'schemaVersion', { schemaVersion: 1, manifests: [] }, []],
    ['an entry has no digest', 'manifests[0].digest', indexOf({ ...sound, digest: undefined }), []],
    [
      'an entry has a digest that leads out',
      'manifests[0].digest',
      indexOf({ ...sound, digest: 'sha256:../../x' }),
      [],
    ],
    ['an entry has a negative size', 'manifests[0].size', indexOf({ ...sound, size: -1 }), []],
    [
      'a blob has another size',
      `has ${manifest.size} bytes, its descriptor says 7`,
      indexOf({ ...sound, size: 7 }),
      [manifest],
    ],
    [
      'a manifest has another digest',
      'is corrupt',
      indexOf(described(liar(manifest.bytes, fake), types.manifest)),
      [liar(manifest.bytes, fake)],
    ],
    ['an index contains itself', 'is corrupt', indexOf(described(cycle, types.index)), [cycle]],
    ['an index is nested nine deep', 'an index more than 8 levels deep', nested(9).index, nested(9).blobs],
  ])('is refused when %s', async (_, reason, index, blobs) => {
    const message = expect.stringContaining(reason);
    await expect(open(index, ...blobs)).rejects.toMatchObject({ code: 'ERR_SOURCE_INVALID', message });
  });

  test.each<[string, string, object]>([
    ['is both an image and an index', 'has no such member', { manifests: [] }],
    ['says another media type', 'mediaType', { mediaType: 'application/vnd.docker.distribution.manifest.v2+json' }],
    [
      'has more layers than diffIDs',
      'invalid manifest, layers length mismatch: expected 1, got 2',
      { layers: Array(2).fill(described(layer, types.layer)) },
    ],
    ['has no config', 'config', { config: undefined }],
    ['has layers that are no list', 'layers', { layers: {} }],
    [
      'has a layer of another size',
      'its descriptor says 1',
      { layers: [described({ ...layer, size: 1 }, types.layer)] },
    ],
  ])('is refused when a manifest %s', async (_, reason, changes) => {
    const blob = manifestOf(changes);
    const opening = open(indexOf(described(blob, types.manifest)), layer, config, blob);
    await expect(opening).rejects.toMatchObject({
      code: 'ERR_SOURCE_INVALID',
      message: expect.stringContaining(reason),
    });
  });

  test('a schema 1 manifest becomes a modern image', async () => {
    const v1Compatibility = JSON.stringify({ id: 'a', created: '2015-01-01T00:00:00Z', os: 'linux' });
    const document = {
      schemaVersion: 1,
      name: 'a',
      tag: 'b',
      fsLayers: [{ blobSum: layer.digest }],
      history: [{ v1Compatibility }],
    };
    const blob = blobOf(document);
    const type = 'application/vnd.docker.distribution.manifest.v1+json';
    const image = as('image', (await open(indexOf(described(blob, type)), layer, blob))[0]);
    expect(image.layers.map(({ diffID }) => diffID)).toEqual([layer.digest]);
    expect(image.manifest).toBeUndefined();
  });

  test.each([
    [{ maxDocumentBytes: 100 }, 'more than the limit of 100'],
    [{ maxMetadataBytes: manifest.size + config.size - 1 }, 'bytes of configs and manifests'],
  ])('more than %o allows is refused before it is read', async (limits, reason) => {
    const path = await written(ociArchiveOf(indexOf(sound), layer, config, manifest));
    const message = expect.stringContaining(reason);
    await expect(openSource(path, { limits })).rejects.toMatchObject({ code: 'ERR_SOURCE_INVALID', message });
  });
});

describe('a layout folder', () => {
  async function layout(): Promise<string> {
    const path = join(folder(), 'layout');
    await writeOciLayout(path, [{ content: await randomImage(), refName: 'v1' }]);
    return path;
  }

  test('may be made of symbolic links, as build tools make it', async () => {
    const real = await layout();
    const path = join(folder(), 'links');
    await mkdir(path);
    await cp(join(real, 'oci-layout'), join(path, 'oci-layout'));
    await cp(join(real, 'index.json'), join(path, 'index.json'));
    await symlink(join(real, 'blobs'), join(path, 'blobs'));
    await using source = await openSource(path);
    expect((await bytesOf(as('image', source.items[0]).layers[0]!.content!)).byteLength).toBeGreaterThan(0);
  });

  test.each([
    ['another version', '{"imageLayoutVersion":"2.1.0"}', 'says layout version "2.1.0"'],
    ['no version', '{"imageLayoutVersion":1}', 'imageLayoutVersion'],
    ['nothing of the kind', '{}', 'says no layout version'],
    ['no JSON', ' \n', 'oci-layout'],
    ['a list', '[]', 'oci-layout'],
  ])('whose oci-layout says %s is read, and that is told', async (_, marker, reason) => {
    const path = await layout();
    await writeFile(join(path, 'oci-layout'), marker);
    for (const text of [path, `oci:${path}:v1`]) {
      const notices: SourceNotice[] = [];
      await using source = await openSource(text, { onNotice: (notice) => notices.push(notice) });
      expect(source.items).toHaveLength(1);
      expect(notices).toEqual([{ code: 'layout-version', message: expect.stringContaining(reason) }]);
    }
    await using untold = await openSource(path);
    expect(untold.items).toHaveLength(1);
  });

  test('without index.json is refused', async () => {
    const path = await layout();
    await rm(join(path, 'index.json'));
    const message = expect.stringContaining('holds no image: "index.json" is missing');
    await expect(openSource(path)).rejects.toMatchObject({ code: 'ERR_SOURCE_INVALID', message });
  });

  test.each([
    ['was written to', (blob: string) => writeFile(blob, 'other'), 'it was written to'],
    ['was deleted', (blob: string) => rm(blob), 'it was deleted'],
  ])('a blob that %s after it was opened is noticed', async (_, change, reason) => {
    const path = await layout();
    await using source = await openSource(path);
    const { content, descriptor } = as('image', source.items[0]).layers[0]!;
    await change(join(path, 'blobs', descriptor!.digest.replace(':', '/')));
    const message = expect.stringContaining(reason);
    await expect(bytesOf(content!)).rejects.toMatchObject({ code: 'ERR_SOURCE_CHANGED', message });
  });

  test('a blob that is a folder is refused', async () => {
    const path = await layout();
    await using source = await openSource(path);
    const blob = join(path, 'blobs', source.items[0]!.manifest!.digest.replace(':', '/'));
    await rm(blob);
    await mkdir(blob);
    await expect(openSource(path)).rejects.toMatchObject({ code: 'ERR_SOURCE_UNSUPPORTED' });
  });
});
