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

  test('a blob that is not what its digest says fails', async () => {
    const { reader, put, image, blobs } = memoryReader();
    put(image('amd64'), 'v1');
    const [item] = (await openRegistrySource(reader, reference)).items;
    blobs.set(digestBytes(layer), new TextEncoder().encode('wrong'));
    if (item?.kind !== 'image') throw new Error('expected an image');
    const content = item.layers[0]?.content ?? contentOf(layer);
    await expect(bytesOf(content)).rejects.toMatchObject({ code: 'ERR_SOURCE_INVALID' });
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

  test('tags of cosign’s that lead round in a ring are refused', async () => {
    const { reader, put, image } = memoryReader();
    const root = put(image('amd64'), 'v1');
    const other = image('arm64');
    put(other, `${root.digest.replace(':', '-')}.sig`);
    put(image('amd64'), `${other.digest.replace(':', '-')}.sig`);
    await expect(openRegistrySource(reader, reference, { referrers: true })).rejects.toMatchObject({
      code: 'ERR_SOURCE_INVALID',
      message: expect.stringContaining('deep'),
    });
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
