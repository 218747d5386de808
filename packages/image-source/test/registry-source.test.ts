import { gzipSync } from 'node:zlib';
import { contentOf, type Digest, digestBytes } from '@slipway/digest';
import { buildIndex, buildOciManifest, type Descriptor, emptyDescriptor, mediaTypes } from '@slipway/manifest';
import { parseReference } from '@slipway/reference';
import { describe, expect, test } from 'vitest';
import { openRegistrySource, type RegistryReader } from '../src/index.ts';
import { bytesOf } from './read-content.ts';

type Built = ReturnType<typeof buildOciManifest>;
const layer = new TextEncoder().encode('layer');
const reference = parseReference('registry.example/team/app:v1');

const descriptorOf = ({ mediaType, digest, bytes }: Built): Descriptor => ({
  mediaType,
  digest,
  size: bytes.byteLength,
});

/** A registry in a few maps, which notes what it is asked. */
function memoryReader() {
  const manifests = new Map<string, Built>();
  const blobs = new Map<Digest, Uint8Array>();
  const referrers = new Map<Digest, Descriptor[]>();
  const asked: string[] = [];
  const put = (manifest: Built, tag?: string): Descriptor => {
    manifests.set(manifest.digest, manifest);
    if (tag !== undefined) manifests.set(tag, manifest);
    return descriptorOf(manifest);
  };
  const blob = (bytes: Uint8Array): Digest => {
    const digest = digestBytes(bytes);
    blobs.set(digest, bytes);
    return digest;
  };
  const image = (architecture: string): Built => {
    const diffIDs = [digestBytes(layer)];
    const config = new TextEncoder().encode(
      JSON.stringify({ architecture, os: 'linux', rootfs: { type: 'layers', diff_ids: diffIDs } }),
    );
    return buildOciManifest({
      config: { mediaType: mediaTypes.ociConfig, digest: blob(config), size: config.byteLength },
      layers: [{ mediaType: mediaTypes.ociLayer, digest: blob(layer), size: layer.byteLength }],
    });
  };
  const reader: RegistryReader = {
    registry: 'registry.example',
    path: 'team/app',
    async getManifest(tagOrDigest) {
      asked.push(tagOrDigest);
      return manifests.get(tagOrDigest);
    },
    openBlob: (digest, options) => contentOf(blobs.get(digest) ?? new Uint8Array()).open(options),
    listReferrers: async (digest) => referrers.get(digest) ?? [],
  };
  return { reader, put, image, blobs, referrers, asked };
}

describe('openRegistrySource', () => {
  test('gives an image whose blobs are read when they are wanted, from any offset', async () => {
    const { reader, put, image } = memoryReader();
    put(image('amd64'), 'v1');
    await using source = await openRegistrySource(reader, reference);
    const [item] = source.items;
    expect(source).toMatchObject({ kind: 'registry', name: 'docker://registry.example/team/app:v1' });
    expect(item).toMatchObject({
      kind: 'image',
      names: ['registry.example/team/app:v1'],
      heldIn: 'registry.example/team/app',
      platform: { architecture: 'amd64' },
    });
    if (item?.kind !== 'image') throw new Error('expected an image');
    const content = item.layers[0]?.content;
    expect(content && (await bytesOf(content))).toEqual(Buffer.from(layer));
    expect(content && (await bytesOf(content, { from: 3 }))).toEqual(Buffer.from(layer.subarray(3)));
  });

  test('a config that is not what its digest says is refused', async () => {
    const { reader, put, image, blobs } = memoryReader();
    put(image('amd64'), 'v1');
    const [item] = (await openRegistrySource(reader, reference)).items;
    if (item?.kind !== 'image') throw new Error('expected an image');
    blobs.set(item.config.digest, Buffer.alloc(item.config.bytes.byteLength, ' '));
    await expect(openRegistrySource(reader, reference)).rejects.toMatchObject({
      code: 'ERR_SOURCE_INVALID',
      message: expect.stringContaining('is corrupt'),
    });
  });

  test.each([
    ['longer', (size: number) => size + 1],
    ['shorter', (size: number) => size - 1],
  ])('a config that is %s than its descriptor says is refused', async (_, sizeOf) => {
    const { reader, put, image, blobs } = memoryReader();
    put(image('amd64'), 'v1');
    const [item] = (await openRegistrySource(reader, reference)).items;
    if (item?.kind !== 'image') throw new Error('expected an image');
    const { digest, bytes } = item.config;
    blobs.set(digest, Buffer.alloc(sizeOf(bytes.byteLength), bytes));
    await expect(openRegistrySource(reader, reference)).rejects.toMatchObject({
      code: 'ERR_SOURCE_INVALID',
      message: expect.stringContaining(`${digest} of docker://registry.example/team/app:v1 is corrupt: it has`),
    });
  });

  test.each([
    ['amd64', 2],
    ['s390x', 4],
  ])('for %s, other manifests are read only when there is none', async (architecture, questions) => {
    const { reader, put, image, asked } = memoryReader();
    const children = ['amd64', 'arm64', 'arm'].map((name) => ({
      ...put(image(name)),
      platform: { os: 'linux', architecture: name },
    }));
    put(buildIndex({ manifests: children }), 'v1');
    await openRegistrySource(reader, reference, { platform: { os: 'linux', architecture } });
    expect(asked).toHaveLength(questions);
  });

  test('referrers come with what they refer to: by subject, by cosign’s tags, and referrers of referrers', async () => {
    const { reader, put, image, referrers } = memoryReader();
    const root = put(image('amd64'), 'v1');
    const artifact = (name: string): Built =>
      buildOciManifest({ config: emptyDescriptor, layers: [emptyDescriptor], artifactType: name });
    const signature = put(artifact('signature'));
    referrers.set(root.digest, [signature]);
    referrers.set(signature.digest, [put(artifact('timestamp'))]);
    put(artifact('cosign'), `${root.digest.replace(':', '-')}.sig`);
    const [without] = (await openRegistrySource(reader, reference)).items;
    expect(without?.referrers).toBeUndefined();
    const [item] = (await openRegistrySource(reader, reference, { referrers: true })).items;
    expect(item?.referrers?.map(({ tag }) => tag)).toEqual([undefined, `${root.digest.replace(':', '-')}.sig`]);
    expect(item?.referrers?.[0]?.item.referrers).toHaveLength(1);
  });

  test('tags of cosign’s that lead round in a ring end where they began', async () => {
    const { reader, put, image } = memoryReader();
    const root = put(image('amd64'), 'v1');
    const other = image('arm64');
    put(other, `${root.digest.replace(':', '-')}.sig`);
    put(image('amd64'), `${other.digest.replace(':', '-')}.sig`);
    const [item] = (await openRegistrySource(reader, reference, { referrers: true })).items;
    expect(item?.referrers?.map(({ descriptor }) => descriptor.digest)).toEqual([other.digest]);
    expect(item?.referrers?.[0]?.item.referrers).toBeUndefined();
  });

  test('an index whose child is its subject is read once', async () => {
    const { reader, put, image, referrers } = memoryReader();
    const child = put(image('amd64'));
    const index = put(buildIndex({ manifests: [child], subject: child }), 'v1');
    referrers.set(child.digest, [index]);
    const [item] = (await openRegistrySource(reader, reference, { referrers: true })).items;
    expect(item).toMatchObject({ kind: 'index', children: [{ descriptor: child }] });
    const [lone] = (
      await openRegistrySource(reader, parseReference(`registry.example/team/app@${child.digest}`), { referrers: true })
    ).items;
    expect(lone?.referrers?.map(({ item: referrer }) => referrer.kind)).toEqual(['index']);
  });

  test('what fails for a moment is asked again, as the caller says; what failed is not kept', async () => {
    const { reader, put, image } = memoryReader();
    const child = put(image('amd64'));
    put(buildIndex({ manifests: [child] }), 'v1');
    const failing = new Set(['v1', child.digest, 'blob']);
    const failOnce = (what: string): void => {
      if (failing.delete(what)) throw new Error(`no ${what} for a moment`);
    };
    const moody: RegistryReader = {
      ...reader,
      async getManifest(tagOrDigest, options) {
        failOnce(tagOrDigest);
        return await reader.getManifest(tagOrDigest, options);
      },
      openBlob(digest, options) {
        failOnce('blob');
        return reader.openBlob(digest, options);
      },
    };
    const retry = async <T>(question: () => Promise<T>): Promise<T> => await question().catch(question);
    const [item] = (await openRegistrySource(moody, reference, { retry })).items;
    expect(item?.kind).toBe('index');
    expect(failing.size).toBe(0);
  });

  test.each([
    ['is there', true],
    ['is not there', false],
  ])('a layer with urls that %s', async (_name, isThere) => {
    const { reader, put, blobs } = memoryReader();
    const config = new TextEncoder().encode(
      JSON.stringify({ os: 'linux', rootfs: { type: 'layers', diff_ids: [digestBytes(layer)] } }),
    );
    blobs.set(digestBytes(config), config);
    const foreign = { mediaType: mediaTypes.ociLayer, digest: digestBytes(layer), size: layer.byteLength };
    const manifest = buildOciManifest({
      config: { mediaType: mediaTypes.ociConfig, digest: digestBytes(config), size: config.byteLength },
      layers: [{ ...foreign, urls: ['https://example.com/layer'] }],
    });
    put(manifest, 'v1');
    if (isThere) blobs.set(digestBytes(layer), layer);
    const statBlob = async (digest: Digest): Promise<object | undefined> => blobs.get(digest);
    const [item] = (await openRegistrySource({ ...reader, statBlob }, reference)).items;
    expect(item?.kind === 'image' && item.layers[0]?.content !== undefined).toBe(isThere);
  });

  test('the first bytes decide how a layer is compressed, where the caller asks for that', async () => {
    const { reader, put, blobs } = memoryReader();
    const bytes = gzipSync(layer);
    blobs.set(digestBytes(bytes), bytes);
    const config = new TextEncoder().encode(
      JSON.stringify({ os: 'linux', rootfs: { type: 'layers', diff_ids: [digestBytes(layer)] } }),
    );
    blobs.set(digestBytes(config), config);
    put(
      buildOciManifest({
        config: { mediaType: mediaTypes.ociConfig, digest: digestBytes(config), size: config.byteLength },
        layers: [{ mediaType: mediaTypes.ociLayerZstd, digest: digestBytes(bytes), size: bytes.byteLength }],
      }),
      'v1',
    );
    const compressionOf = async (recognise: boolean): Promise<string | undefined> => {
      const [item] = (await openRegistrySource(reader, reference, { recognise })).items;
      return item?.kind === 'image' ? item.layers[0]?.compression : undefined;
    };
    expect(await compressionOf(false)).toBe('zstd');
    expect(await compressionOf(true)).toBe('gzip');
  });

  test('an image in schema 1 becomes a modern one, with the diffIDs of its layers', async () => {
    const { reader, blobs } = memoryReader();
    const bytes = gzipSync(layer);
    blobs.set(digestBytes(bytes), bytes);
    const steps = [
      { id: 'b', parent: 'a', created: '2016-01-01T00:00:00Z', throwaway: true, os: 'linux', architecture: 'amd64' },
      { id: 'a', created: '2015-01-01T00:00:00Z', container_config: { Cmd: ['/bin/sh', '-c', 'x'] } },
    ];
    const document = {
      schemaVersion: 1,
      name: 'team/app',
      tag: 'v1',
      architecture: 'amd64',
      fsLayers: [{ blobSum: emptyDescriptor.digest }, { blobSum: digestBytes(bytes) }],
      history: steps.map((step) => ({ v1Compatibility: JSON.stringify(step) })),
    };
    const mediaType = mediaTypes.schema1Manifest;
    const manifest = new TextEncoder().encode(JSON.stringify(document));
    const old: RegistryReader = {
      ...reader,
      getManifest: async () => ({ mediaType, digest: digestBytes(manifest), bytes: manifest }),
      statBlob: async (digest) => ({ size: blobs.get(digest)?.byteLength }),
    };
    const [item] = (await openRegistrySource(old, reference)).items;
    expect(item).toMatchObject({
      kind: 'image',
      manifest: undefined,
      platform: { os: 'linux', architecture: 'amd64' },
      layers: [{ diffID: digestBytes(layer), compression: 'gzip', descriptor: { digest: digestBytes(bytes) } }],
    });
    const config = JSON.parse(Buffer.from(item?.kind === 'image' ? item.config.bytes : []).toString());
    expect(config).toMatchObject({
      rootfs: { type: 'layers', diff_ids: [digestBytes(layer)] },
      history: [{ created_by: '/bin/sh -c x' }, { empty_layer: true }],
    });
    expect(config.throwaway).toBeUndefined();
    blobs.set(digestBytes(bytes), gzipSync('another layer'));
    await expect(openRegistrySource(old, reference)).rejects.toThrow();
  });

  test('a tag that is not there is named', async () => {
    await expect(openRegistrySource(memoryReader().reader, reference)).rejects.toMatchObject({
      code: 'ERR_SOURCE_NOT_FOUND',
      message: expect.stringContaining('docker://registry.example/team/app:v1'),
    });
  });

  test('a manifest whose size is not the one its index says is refused', async () => {
    const { reader, put, image } = memoryReader();
    put(buildIndex({ manifests: [{ ...put(image('amd64')), size: 7 }] }), 'v1');
    await expect(openRegistrySource(reader, reference)).rejects.toMatchObject({ code: 'ERR_SOURCE_INVALID' });
  });
});
