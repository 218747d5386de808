import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { type ByteStream, type Digest, digestBytes, digestStream } from '@slipway/digest';
import { openSource, type SourceImage } from '@slipway/image-source';
import { chainIDs } from '@slipway/manifest';
import { parseReference, withDigest } from '@slipway/reference';
import {
  flipByte,
  multiPlatformImage,
  randomImage,
  runTool,
  writeDockerArchive,
  writeOciArchive,
  writeOciLayout,
} from '@slipway/testkit';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import {
  type ImageStore,
  type ImageStoreOptions,
  type LoadedImage,
  openImageStore,
  openStoreSource,
} from '../src/index.ts';
import { temporaryFolder } from './temporary-folder.ts';

const folder = temporaryFolder();
const at = (name: string): string => join(folder(), name);
const image = await randomImage({ seed: 'one', layers: [{ size: 300_000 }, { kind: 'random' }, {}] });
const other = await randomImage({ seed: 'two', layers: [image.layers[0]!, {}] });
const platforms = await multiPlatformImage([
  { os: 'linux', architecture: 'amd64' },
  { os: 'linux', architecture: 'arm64' },
]);

let store: ImageStore;
beforeEach(async () => {
  store = await opened();
});
afterEach(async () => {
  await store[Symbol.asyncDispose]();
});

async function opened(options: Partial<ImageStoreOptions> = {}): Promise<ImageStore> {
  return await openImageStore({ folder: at('store'), ...options });
}

async function load(path: string, into: ImageStore = store): Promise<readonly LoadedImage[]> {
  await using source = await openSource(path, { spoolFolder: folder() });
  return await into.load(source);
}

async function loadArchive(references: readonly string[] = ['demo/app:v1'], which = image): Promise<LoadedImage> {
  await writeDockerArchive(at('image.tar'), [{ image: which, references }]);
  return (await load(at('image.tar')))[0]!;
}

async function blobs(): Promise<readonly string[]> {
  return (await readdir(at('store/blobs/sha256'))).sort();
}

async function bytesOf(stream: ByteStream): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function imageOf(name: string): Promise<SourceImage> {
  await using source = await openStoreSource(store, name);
  const [item] = source.items;
  if (item?.kind !== 'image') throw new Error('expected an image');
  return item;
}

const hex = (digest: string): string => digest.slice(digest.indexOf(':') + 1);

describe('load', () => {
  test.each(['old', 'new'] as const)('a docker archive in the %s layout', async (layout) => {
    await writeDockerArchive(at('image.tar'), [{ image, references: ['demo/app:v1', 'demo/app:v2'] }], { layout });
    const [loaded, ...more] = await load(at('image.tar'));
    expect(more).toEqual([]);
    expect(loaded).toEqual({ id: image.imageID, kind: 'image', tags: ['demo/app:v1', 'demo/app:v2'], replaced: [] });
    const inspected = await store.inspect('demo/app:v2');
    expect(inspected).toMatchObject({
      id: image.imageID,
      tags: ['demo/app:v1', 'demo/app:v2'],
      digests: [],
      isManifestBuilt: true,
      created: '2026-01-01T00:00:00Z',
      platform: { os: 'linux', architecture: 'amd64' },
      diffIDs: image.layers.map(({ diffID }) => diffID),
      config: JSON.parse(new TextDecoder().decode(image.configBytes)),
      lastTagged: expect.stringMatching(/^\d{4}-.*Z$/),
    });
    // Uncompressed layers stay so: their digest is their diffID, and nothing was paid for compression.
    expect(inspected.layers.map(({ digest }) => digest)).toEqual(inspected.diffIDs);
    for (const { diffID, tar } of image.layers) {
      const stored = await readFile(at(`store/blobs/sha256/${hex(diffID)}`));
      expect(stored.equals(await bytesOf(tar.open()))).toBe(true);
    }
  });

  test.each(['gzip', 'zstd'] as const)('layers that are %s stay as they are', async (layerCompression) => {
    await writeDockerArchive(at('image.tar'), [{ image, references: ['app'].map((name) => `${name}:1`) }], {
      layerCompression,
    });
    await load(at('image.tar'));
    const { layers, diffIDs } = await store.inspect('app:1');
    expect(diffIDs).toEqual(image.layers.map(({ diffID }) => diffID));
    for (const { mediaType, digest } of layers) {
      expect(mediaType).toBe(`application/vnd.oci.image.layer.v1.tar+${layerCompression}`);
      expect(digestBytes(await readFile(at(`store/blobs/sha256/${hex(digest)}`)))).toBe(digest);
    }
  });

  test('an OCI layout keeps its manifest, byte for byte', async () => {
    const { entries } = await writeOciLayout(at('layout'), [{ content: image, refName: 'demo/app:v1' }]);
    const [loaded] = await load(at('layout'));
    expect(loaded).toMatchObject({ id: image.imageID, kind: 'image', tags: ['demo/app:v1'] });
    const { manifest, isManifestBuilt } = await store.inspect('demo/app:v1');
    expect(manifest.digest).toBe(entries[0]!.digest);
    expect(isManifestBuilt).toBe(false);
    expect((await imageOf('demo/app:v1')).manifest?.digest).toBe(entries[0]!.digest);
  });

  test('a bare tag of a layout is no name of an image', async () => {
    await writeOciLayout(at('layout'), [{ content: image, refName: 'v1' }]);
    expect(await load(at('layout'))).toMatchObject([{ id: image.imageID, tags: [] }]);
    expect(await store.list()).toMatchObject([{ id: image.imageID, tags: [] }]);
  });

  test('an index comes with all of its platforms', async () => {
    const { entries } = await writeOciLayout(at('layout'), [{ content: platforms, refName: 'demo/multi:v1' }]);
    const [loaded] = await load(at('layout'));
    expect(loaded).toMatchObject({ id: entries[0]!.digest, kind: 'index', tags: ['demo/multi:v1'] });
    await using source = await openStoreSource(store, 'demo/multi:v1');
    const [item] = source.items;
    expect(item).toMatchObject({ kind: 'index', manifest: { digest: entries[0]!.digest } });
    expect(item?.kind === 'index' && item.children.map(({ item: child }) => child.kind)).toEqual(['image', 'image']);
  });

  test('an artifact is carried as it is', async () => {
    const blob = { mediaType: 'text/plain', bytes: new TextEncoder().encode('signed') };
    await writeOciLayout(at('layout'), [
      { content: { artifactType: 'application/x-test', blobs: [blob] }, refName: 'demo/signature:v1' },
    ]);
    const [loaded] = await load(at('layout'));
    expect(loaded).toMatchObject({ kind: 'artifact', tags: ['demo/signature:v1'] });
    await using source = await openStoreSource(store, 'demo/signature:v1');
    const [item] = source.items;
    if (item?.kind !== 'artifact') throw new Error('expected an artifact');
    expect((await bytesOf(item.blobs[1]!.content.open())).toString()).toBe('signed');
  });

  test('what two images share lies there once', async () => {
    await loadArchive();
    const before = await blobs();
    await loadArchive(['demo/other:v1'], other);
    const added = (await blobs()).filter((name) => !before.includes(name));
    expect(added).toHaveLength(3); // a layer, a config, a manifest
  });

  test('loading again writes no layer', async () => {
    await loadArchive();
    await using source = await openSource(at('image.tar'));
    const onProgress = vi.fn();
    await store.load(source, { onProgress });
    expect(onProgress.mock.calls.map(([{ type }]) => type)).toEqual(image.layers.map(() => 'layer:exists'));
  });

  test('progress counts up to the size of each layer', async () => {
    await writeDockerArchive(at('image.tar'), [{ image }]);
    await using source = await openSource(at('image.tar'));
    const last = new Map<string, unknown>();
    await store.load(source, { onProgress: (progress) => last.set(progress.diffID, progress) });
    expect([...last.values()]).toEqual(
      image.layers.map(({ diffID, size }) => ({ type: 'layer:progress', diffID, current: size, total: size })),
    );
  });

  test('a tag that moves leaves the old image without a name', async () => {
    await loadArchive();
    expect(await loadArchive(['demo/app:v1'], other)).toMatchObject({
      replaced: [{ tag: 'demo/app:v1', id: image.imageID }],
    });
    expect((await store.inspect('demo/app:v1')).id).toBe(other.imageID);
    expect((await store.inspect(image.imageID)).tags).toEqual([]);
  });

  test('two tags of one image may have two manifests', async () => {
    await loadArchive(['demo/app:archive']);
    const { entries } = await writeOciLayout(at('layout'), [{ content: image, refName: 'demo/app:layout' }]);
    await load(at('layout'));
    expect((await imageOf('demo/app:archive')).manifest).toBeUndefined();
    expect((await imageOf('demo/app:layout')).manifest?.digest).toBe(entries[0]!.digest);
    expect(await store.list()).toMatchObject([{ tags: ['demo/app:archive', 'demo/app:layout'] }]);
    await store.delete('demo/app:archive');
    expect((await imageOf(image.imageID)).manifest?.digest).toBe(entries[0]!.digest);
    const needed = await store.diskUsage();
    expect(needed).toMatchObject({ images: 1, reclaimableBytes: 0, blobs: image.layers.length + 2 });
  });

  const diffID = {
    code: 'ERR_IMAGE_STORE_INVALID_IMAGE',
    message: expect.stringMatching(/^invalid diffID for layer 0: /),
  };

  test('a layer that is not what the config says is refused, and nothing stays', async () => {
    await writeDockerArchive(at('image.tar'), [{ image }], { layout: 'old' });
    await flipByte(at('image.tar'), 20_000);
    await expect(load(at('image.tar'))).rejects.toMatchObject(diffID);
    expect(await blobs()).toEqual([]);
    expect(await readdir(at('store/.slipway/work'))).toEqual([]);
    expect(await store.list()).toEqual([]);
  });

  test('a compressed layer that unpacks to something else is refused', async () => {
    await writeOciLayout(at('layout'), [{ content: image }]);
    const index = JSON.parse(await readFile(at('layout/index.json'), 'utf8'));
    const manifestPath = at(`layout/blobs/sha256/${hex(index.manifests[0].digest)}`);
    const manifest = JSON.parse(await readFile(manifestPath, 'utf8'));
    manifest.layers.reverse();
    const bytes = new TextEncoder().encode(JSON.stringify(manifest));
    const digest = digestBytes(bytes);
    await writeFile(at(`layout/blobs/sha256/${hex(digest)}`), bytes);
    index.manifests[0] = { ...index.manifests[0], digest, size: bytes.byteLength };
    await writeFile(at('layout/index.json'), JSON.stringify(index));
    await expect(load(at('layout'))).rejects.toMatchObject(diffID);
    // Also when the store has the very blobs, under their right diffIDs.
    await loadArchive();
    await writeOciLayout(at('sound'), [{ content: image, refName: 'demo/app:v2' }]);
    await load(at('sound'));
    await expect(load(at('layout'))).rejects.toMatchObject(diffID);
  });

  test('a decompression bomb is refused', async () => {
    const bomb = await randomImage({ seed: 'bomb', layers: [{ kind: 'zeros', size: 4_000_000 }] });
    await writeOciLayout(at('layout'), [{ content: bomb }]);
    await using careful = await opened({ maxLayerBytes: 1_000_000 });
    await expect(load(at('layout'), careful)).rejects.toMatchObject({
      code: 'ERR_IMAGE_STORE_INVALID_IMAGE',
      message: expect.stringContaining('expected at most 1000000 bytes'),
    });
  });

  test('an abort leaves nothing behind and comes out as it is', async () => {
    await writeDockerArchive(at('image.tar'), [{ image, references: ['demo/app:v1'] }]);
    await using source = await openSource(at('image.tar'));
    const controller = new AbortController();
    const reason = new Error('enough');
    const loading = store.load(source, { signal: controller.signal, onProgress: () => controller.abort(reason) });
    await expect(loading).rejects.toBe(reason);
    expect(await blobs()).toEqual([]);
    expect(await readdir(at('store/.slipway/work'))).toEqual([]);
  });

  test('admit is asked before anything is written, and may refuse', async () => {
    const reason = new Error('over quota');
    const admit = vi.fn().mockRejectedValue(reason);
    await using limited = await opened({ admit });
    await writeDockerArchive(at('image.tar'), [{ image }]);
    await expect(load(at('image.tar'), limited)).rejects.toBe(reason);
    const bytes = image.layers.reduce((total, { size }) => total + size, image.configBytes.byteLength);
    expect(admit).toHaveBeenCalledExactlyOnceWith({ name: at('image.tar'), bytes, usedBytes: 0 });
  });

  test('events tell what was done', async () => {
    const onEvent = vi.fn();
    await using watched = await opened({ onEvent });
    await writeDockerArchive(at('image.tar'), [{ image, references: ['demo/app:v1'] }]);
    await load(at('image.tar'), watched);
    await watched.tag('demo/app:v1', parseReference('demo/app'));
    await watched.delete('demo/app');
    await watched.delete('demo/app:v1');
    const id = image.imageID;
    expect(onEvent.mock.calls.map(([event]) => event)).toEqual([
      { type: 'load', id, reference: 'demo/app:v1' },
      { type: 'tag', id, reference: 'demo/app:latest' },
      { type: 'untag', id, reference: 'demo/app:latest' },
      { type: 'untag', id, reference: 'demo/app:v1' },
      { type: 'delete', id, reference: undefined },
    ]);
  });
});

describe('list and inspect', () => {
  test('the newest image comes first', async () => {
    await loadArchive();
    const index = await readFile(at('store/index.json'), 'utf8');
    expect(JSON.parse(index)).toMatchObject({ schemaVersion: 2, manifests: [{ digest: expect.any(String) }] });
    const old = {
      ...other,
      configBytes: new TextEncoder().encode(new TextDecoder().decode(other.configBytes).replace(/2026/, '2020')),
    };
    await loadArchive(['demo/old:v1'], { ...old, imageID: digestBytes(old.configBytes) });
    await loadArchive(['demo/app:v2']);
    expect((await store.list()).map(({ tags }) => tags)).toEqual([['demo/app:v1', 'demo/app:v2'], ['demo/old:v1']]);
  });

  test.each([
    ['its ID', image.imageID],
    ['its ID without the algorithm', hex(image.imageID)],
    ['the beginning of its ID', hex(image.imageID).slice(0, 12)],
    ['a prefix with the algorithm', image.imageID.slice(0, 20)],
    ['a tag', 'demo/app:v1'],
    ['a full reference', 'docker.io/demo/app:v1'],
    ['a digest', `demo/app@${digestBytes(new Uint8Array(1))}`],
  ])('an image is found by %s', async (_, name) => {
    await loadArchive();
    await loadArchive(['demo/other:v1'], other);
    await store.addDigest(withDigest(parseReference('demo/app'), digestBytes(new Uint8Array(1))), image.imageID);
    expect((await store.inspect(name)).id).toBe(image.imageID);
  });

  test.each([
    ['a tag that is not there', 'demo/app:v9', 'No such image: demo/app:v9'],
    ['a name without a tag', 'demo/app', 'No such image: demo/app:latest'],
    ['an ID', '0'.repeat(64), `No such image: sha256:${'0'.repeat(64)}`],
  ])('%s is refused in docker’s words', async (_, name, message) => {
    await loadArchive();
    await expect(store.inspect(name)).rejects.toMatchObject({ code: 'ERR_IMAGE_STORE_NOT_FOUND', message });
  });

  test('labels are listed', async () => {
    const labelled = await randomImage({ seed: 'labels', config: { Labels: { a: 'b' } } });
    await loadArchive(['demo/labels:v1'], labelled);
    expect((await store.list())[0]?.labels).toEqual({ a: 'b' });
  });

  test('an image with a damaged config is left out of the list, told, and can be deleted', async () => {
    await loadArchive();
    await loadArchive(['demo/other:v1'], other);
    await flipByte(at(`store/blobs/sha256/${hex(image.imageID)}`), 0);
    const onWarning = vi.fn();
    await using again = await opened({ onWarning });
    expect(await again.list()).toMatchObject([{ tags: ['demo/other:v1'] }]);
    expect(onWarning).toHaveBeenCalledWith(expect.stringContaining('is damaged'));
    await expect(again.inspect('demo/app:v1')).rejects.toMatchObject({ code: 'ERR_IMAGE_STORE_CORRUPT' });
    expect(await again.delete('demo/app:v1')).toEqual([{ untagged: 'demo/app:v1' }, { deleted: image.imageID }]);
  });
});

describe('delete', () => {
  const chain = chainIDs(image.layers.map(({ diffID }) => diffID));
  const [base, middle, top] = chain as [Digest, Digest, Digest];

  test('the last name takes the image with it, and each layer that no other image has', async () => {
    await loadArchive(['demo/app:v1', 'demo/app:v2']);
    expect(await store.delete('demo/app:v1')).toEqual([{ untagged: 'demo/app:v1' }]);
    expect(await store.delete('demo/app:v2')).toEqual([
      { untagged: 'demo/app:v2' },
      { deleted: image.imageID },
      ...[top, middle, base].map((deleted) => ({ deleted })),
    ]);
    expect(await blobs()).toEqual([]);
  });

  test('a shared layer stays', async () => {
    await loadArchive();
    await loadArchive(['demo/other:v1'], other);
    const records = await store.delete('demo/app:v1');
    expect(records).toEqual([
      { untagged: 'demo/app:v1' },
      { deleted: image.imageID },
      { deleted: top },
      { deleted: middle },
    ]);
    await using source = await openStoreSource(store, 'demo/other:v1');
    const [item] = source.items;
    for (const { content, diffID } of item?.kind === 'image' ? item.layers : []) {
      expect((await digestStream(content!.open())).digest).toBe(diffID);
    }
  });

  test('digests of the repository go with its last tag', async () => {
    await loadArchive();
    const digest = digestBytes(new Uint8Array(2));
    await store.addDigest(withDigest(parseReference('demo/app'), digest), image.imageID);
    expect((await store.list())[0]?.digests).toEqual([`demo/app@${digest}`]);
    expect((await store.delete('demo/app:v1')).slice(0, 3)).toEqual([
      { untagged: 'demo/app:v1' },
      { untagged: `demo/app@${digest}` },
      { deleted: image.imageID },
    ]);
  });

  test('digests of another repository keep the image', async () => {
    await loadArchive();
    const elsewhere = withDigest(parseReference('elsewhere/app'), digestBytes(new Uint8Array(3)));
    await store.addDigest(elsewhere, image.imageID);
    expect(await store.delete('demo/app:v1')).toEqual([{ untagged: 'demo/app:v1' }]);
    expect(await store.list()).toMatchObject([{ id: image.imageID, tags: [] }]);
  });

  test('by ID, several names are a conflict unless forced', async () => {
    await loadArchive(['demo/app:v1', 'demo/app:v2']);
    await expect(store.delete(image.imageID)).rejects.toMatchObject({
      code: 'ERR_IMAGE_STORE_CONFLICT',
      message: `conflict: unable to delete ${hex(image.imageID).slice(0, 12)} (must be forced) - image is referenced in multiple repositories`,
    });
    expect((await store.delete(image.imageID, { force: true })).slice(0, 3)).toEqual([
      { untagged: 'demo/app:v1' },
      { untagged: 'demo/app:v2' },
      { deleted: image.imageID },
    ]);
    expect(await store.list()).toEqual([]);
  });

  test('by ID, one name goes with the image', async () => {
    await loadArchive();
    expect((await store.delete(hex(image.imageID).slice(0, 8))).slice(0, 2)).toEqual([
      { untagged: 'demo/app:v1' },
      { deleted: image.imageID },
    ]);
  });

  test('what is being read stays until its reader is done', async () => {
    await loadArchive();
    {
      await using source = await openStoreSource(store, 'demo/app:v1');
      await store.delete('demo/app:v1');
      expect(await blobs()).toEqual([]);
      const [item] = source.items;
      if (item?.kind !== 'image') throw new Error('expected an image');
      const { content, diffID } = item.layers[0]!;
      expect((await digestStream(content!.open())).digest).toBe(diffID);
    }
    expect(await readdir(at('store/.slipway/work'))).toEqual([]);
  });
});

describe('tag', () => {
  test('a further name, the image found by name or ID', async () => {
    await loadArchive();
    await store.tag('demo/app:v1', parseReference('ghcr.io/me/app'));
    await store.tag(hex(image.imageID).slice(0, 12), parseReference('localhost:5000/app:v2'));
    expect((await store.list())[0]?.tags).toEqual(['demo/app:v1', 'ghcr.io/me/app:latest', 'localhost:5000/app:v2']);
    const written = JSON.parse(await readFile(at('store/repositories.json'), 'utf8'));
    expect(written).toEqual({
      Repositories: {
        'demo/app': { 'demo/app:v1': image.imageID },
        'ghcr.io/me/app': { 'ghcr.io/me/app:latest': image.imageID },
        'localhost:5000/app': { 'localhost:5000/app:v2': image.imageID },
      },
    });
    expect((await stat(at('store/repositories.json'))).mode & 0o777).toBe(0o600);
  });

  test('tagsOf has the order in which docker pushes all tags', async () => {
    await loadArchive(['demo/app:v2', 'demo/app:latest', 'demo/app:v10', 'demo/apple:v1']);
    const tags = await store.tagsOf(parseReference('demo/app'));
    expect(tags.map(({ reference }) => reference.tag)).toEqual(['latest', 'v10', 'v2']);
  });

  test('a digest is no target', async () => {
    await loadArchive();
    const target = withDigest(parseReference('demo/app'), digestBytes(new Uint8Array(4)));
    await expect(store.tag('demo/app:v1', target)).rejects.toMatchObject({ code: 'ERR_IMAGE_STORE_REFERENCE' });
  });
});

describe('openStoreSource', () => {
  test('an image of a docker archive comes back as it was', async () => {
    await loadArchive(['demo/app:v1', 'demo/app:v2']);
    const item = await imageOf('demo/app:v1');
    expect(item).toMatchObject({
      names: ['demo/app:v1'],
      manifest: undefined,
      config: { mediaType: 'application/vnd.docker.container.image.v1+json', digest: image.imageID },
    });
    expect(Buffer.from(item.config.bytes).equals(image.configBytes)).toBe(true);
    expect((await imageOf(image.imageID)).names).toEqual(['demo/app:v1', 'demo/app:v2']);
  });

  test('allTags opens a whole repository, one item a manifest', async () => {
    await loadArchive(['demo/app:v1', 'demo/app:v2']);
    await loadArchive(['demo/app:v3'], other);
    await using source = await openStoreSource(store, 'demo/app', { allTags: true });
    expect(source.items.map(({ names }) => names)).toEqual([['demo/app:v1', 'demo/app:v2'], ['demo/app:v3']]);
  });

  test('an image that is not there is a source that is not there', async () => {
    await expect(openStoreSource(store, 'demo/none')).rejects.toMatchObject({
      name: 'SourceError',
      code: 'ERR_SOURCE_NOT_FOUND',
      message: 'No such image: demo/none:latest',
    });
  });
});

describe('hold', () => {
  /** Deletes the image and all garbage, so that only what is held is left. */
  async function forget(): Promise<void> {
    await store.delete('demo/app:v1');
    await store.collectGarbage({ graceMs: 0 });
    expect(await blobs()).toEqual([]);
  }

  test('an image stays what it was when another one gets its name, and when it is deleted', async () => {
    const loaded = await loadArchive();
    const held = await store.hold('demo/app:v1', 'job-1');
    expect(held).toMatchObject({ id: loaded.id, manifest: undefined });
    await loadArchive(['demo/app:v1'], other);
    await store.delete(loaded.id);
    await store[Symbol.asyncDispose]();
    store = await opened(); // as after a crash: what is held is no leftover
    await using source = await store.openHeld('job-1');
    const [item] = source.items as readonly SourceImage[];
    expect(item?.config.digest).toBe(loaded.id);
    for (const { content, diffID } of item?.layers ?? []) {
      expect((await digestStream(content!.open())).digest).toBe(diffID);
    }
    expect(await store.heldKeys()).toEqual(['job-1']);
  });

  test('a manifest of its own stays with the image, although another form of it is loaded', async () => {
    await writeOciLayout(at('layout'), [{ content: image, refName: 'lay/app:v1' }]);
    await load(at('layout'));
    const held = await store.hold('lay/app:v1', 'a');
    await loadArchive();
    expect(await store.hold('demo/app:v1', 'b')).toMatchObject({ id: held.id, manifest: undefined });
    expect(held.manifest).toBe((await store.inspect('lay/app:v1')).manifest.digest);
    await using source = await store.openHeld('a');
    expect((source.items[0] as SourceImage).manifest?.digest).toBe(held.manifest);
  });

  test('what only a held image has counts as used, until it is released', async () => {
    await loadArchive();
    const { bytes } = await store.diskUsage();
    await store.hold('demo/app:v1', 'job-1');
    expect(await store.diskUsage()).toMatchObject({ bytes, heldBytes: 0 });
    await forget();
    expect(await store.diskUsage()).toMatchObject({ images: 0, bytes, heldBytes: bytes });
    await store.release('job-1');
    await store.release('job-1');
    expect(await store.diskUsage()).toMatchObject({ bytes: 0, heldBytes: 0 });
    await expect(store.openHeld('job-1')).rejects.toMatchObject({ code: 'ERR_IMAGE_STORE_NOT_FOUND' });
  });

  test('what is not there cannot be held, and a key is no path', async () => {
    await expect(store.hold('demo/none', 'x')).rejects.toMatchObject({ code: 'ERR_IMAGE_STORE_NOT_FOUND' });
    await loadArchive();
    for (const key of ['', '../x', 'a/b', '.', 'A']) {
      await expect(store.hold('demo/app:v1', key)).rejects.toThrow(TypeError);
    }
    expect(await store.heldKeys()).toEqual([]);
  });
});

describe('save', () => {
  async function saved(...names: readonly string[]): Promise<string> {
    await writeFile(at('saved.tar'), await bytesOf(await store.save(names)));
    return at('saved.tar');
  }

  test('what is saved is loaded again as it was', async () => {
    await loadArchive(['demo/app:v1', 'demo/app:v2']);
    await writeOciArchive(at('multi.tar'), [{ content: platforms, refName: 'demo/multi:v1' }]);
    const [multi] = await load(at('multi.tar'));
    const path = await saved('demo/app', 'demo/multi:v1');
    await using elsewhere = await openImageStore({ folder: at('elsewhere') });
    expect(await load(path, elsewhere)).toMatchObject([
      { id: image.imageID, tags: ['demo/app:v1', 'demo/app:v2'] },
      { id: multi!.id, tags: ['demo/multi:v1'] },
    ]);
    await using oci = await openSource(`oci-archive:${path}`);
    expect(oci.items.map(({ kind, names }) => [kind, names])).toEqual([
      ['image', ['demo/app:v1', 'demo/app:v2']],
      ['index', ['demo/multi:v1']],
    ]);
    expect(oci.items[1]?.manifest?.digest).toBe(multi!.id);
  });

  test('an image asked for by ID has no name in the archive', async () => {
    await loadArchive();
    await using source = await openSource(await saved(image.imageID));
    expect(source.items).toMatchObject([{ names: [] }]);
  });

  test('names that are not there are told before the first byte', async () => {
    await expect(store.save(['demo/none'])).rejects.toMatchObject({ code: 'ERR_IMAGE_STORE_NOT_FOUND' });
  });

  test('a damaged layer breaks the archive off', async () => {
    await loadArchive();
    await flipByte(at(`store/blobs/sha256/${hex(image.layers[1]!.diffID)}`), 10);
    await expect(bytesOf(await store.save(['demo/app:v1']))).rejects.toMatchObject({ code: 'ERR_IMAGE_STORE_CORRUPT' });
    expect(await readdir(at('store/.slipway/work'))).toEqual([]);
  });
});

describe('garbage and disk use', () => {
  test('blobs that no image needs go once they are old enough', async () => {
    await loadArchive();
    const stray = new TextEncoder().encode('stray');
    await writeFile(at(`store/blobs/sha256/${hex(digestBytes(stray))}`), stray);
    expect(await store.diskUsage()).toMatchObject({ images: 1, reclaimableBytes: 5 });
    expect(await store.collectGarbage()).toEqual({ deleted: [], freedBytes: 0 });
    expect(await store.collectGarbage({ graceMs: 0 })).toEqual({ deleted: [digestBytes(stray)], freedBytes: 5 });
    expect(await store.diskUsage()).toMatchObject({ blobs: image.layers.length + 2, reclaimableBytes: 0 });
    expect((await imageOf('demo/app:v1')).layers).toHaveLength(image.layers.length);
  });

  test('what another tool has put into index.json stays', async () => {
    const { entries } = await writeOciLayout(at('store'), [{ content: other, refName: 'theirs' }]);
    await loadArchive();
    await store.collectGarbage({ graceMs: 0 });
    const index = JSON.parse(await readFile(at('store/index.json'), 'utf8'));
    expect(index.manifests.map(({ digest }: { digest: string }) => digest)).toContain(entries[0]!.digest);
    expect(await blobs()).toContain(hex(other.imageID));
  });

  test('what a dead process has left behind is cleared away', async () => {
    const work = deadWorkFolder();
    const stray = new TextEncoder().encode('stray');
    const name = hex(digestBytes(stray));
    await mkdir(join(work, 'blobs/sha256'), { recursive: true });
    await writeFile(join(work, 'blobs/sha256', name), stray);
    await writeFile(at(`store/blobs/sha256/${name}`), stray); // it died between bringing its blobs in and index.json
    await using again = await opened();
    expect(await readdir(at('store/.slipway/work'))).toEqual([]);
    expect(await blobs()).toEqual([]);
    expect(await again.list()).toEqual([]);
  });
});

describe('a source that somebody has made by hand', () => {
  /** The image, whose layers yield what `change` makes of their chunks. */
  async function changed(change: (chunks: ByteStream) => unknown, sizeOf = (size: number) => size): Promise<unknown> {
    await writeDockerArchive(at('image.tar'), [{ image, references: ['demo/app:v1'] }]);
    await using source = await openSource(at('image.tar'), { spoolFolder: folder() });
    const item = source.items[0] as SourceImage;
    const layers = item.layers.map((layer) => {
      const content = layer.content!;
      const open: typeof content.open = (options) => change(content.open(options)) as ByteStream;
      return { ...layer, content: { size: sizeOf(content.size), open } };
    });
    return await store.load({ ...source, items: [{ ...item, layers }] });
  }

  test('texts are no bytes', async () => {
    const texts = async function* (chunks: ByteStream) {
      for await (const chunk of chunks) yield Buffer.from(chunk).toString('latin1');
    };
    await expect(changed(texts)).rejects.toThrow('Expected each chunk of a stream to be a Uint8Array, got a string');
    expect(await store.list()).toEqual([]);
  });

  test.each<[string, (size: number) => number]>([
    ['1', () => 1],
    ['a byte less', (size) => size - 1],
    ['a byte more', (size) => size + 1],
    ['far more', () => 1e15],
  ])('a layer has the size that it says, and not %s', async (_, sizeOf) => {
    await expect(changed((chunks) => chunks, sizeOf)).rejects.toMatchObject({
      code: 'ERR_IMAGE_STORE_INVALID_IMAGE',
      message: expect.stringMatching(/^Cannot load layer \d: Reading content: expected \d+ bytes, got (more|\d+)$/),
    });
  });

  test('a layer that never ends is left at its size', async () => {
    const endless = async function* (chunks: ByteStream) {
      yield* chunks;
      for (;;) yield new Uint8Array(65_536);
    };
    await expect(changed(endless)).rejects.toThrow(/expected \d+ bytes, got more/);
  });
});

describe('a folder in a bad state', () => {
  test('damage and leftovers together keep nobody from opening the store', async () => {
    await loadArchive();
    await flipByte(at(`store/blobs/sha256/${hex(image.imageID)}`), 0);
    await mkdir(join(deadWorkFolder(), 'blobs/sha256'), { recursive: true });
    const onWarning = vi.fn();
    await using again = await opened({ onWarning });
    expect(await again.list()).toEqual([]);
    expect(onWarning).toHaveBeenCalledWith(expect.stringContaining('is damaged'));
  });

  test('a damaged index.json is told, and nothing is written over it', async () => {
    await loadArchive();
    await writeFile(at('store/index.json'), '{');
    await expect(store.list()).rejects.toMatchObject({ code: 'ERR_IMAGE_STORE_CORRUPT' });
    await expect(loadArchive(['demo/app:v2'])).rejects.toMatchObject({ code: 'ERR_IMAGE_STORE_CORRUPT' });
    expect(await readFile(at('store/index.json'), 'utf8')).toBe('{');
  });

  test.each([
    ['a pipe', 'it is a pipe, not a file', (path: string) => runTool('mkfifo', [path])],
    ['a device without an end', 'bytes allowed', (path: string) => symlink('/dev/zero', path)],
  ])('%s in the place of index.json is told at once', async (_, why, make) => {
    await loadArchive();
    await rm(at('store/index.json'));
    await make(at('store/index.json'));
    await expect(store.list()).rejects.toMatchObject({
      code: 'ERR_IMAGE_STORE_CORRUPT',
      message: expect.stringContaining(why),
      hint: expect.stringContaining('load the images again'),
    });
  });

  test('a damaged repositories.json costs the digests only', async () => {
    await loadArchive();
    await writeFile(at('store/repositories.json'), '{');
    const onWarning = vi.fn();
    await using again = await opened({ onWarning });
    expect((await again.list())[0]?.tags).toEqual(['demo/app:v1']);
    expect(onWarning).toHaveBeenCalledWith(expect.stringContaining('repositories.json'));
  });

  test('a folder that cannot be made is told', async () => {
    await writeFile(at('file'), '');
    await expect(openImageStore({ folder: at('file/store') })).rejects.toMatchObject({
      code: 'ERR_IMAGE_STORE_UNAVAILABLE',
    });
  });

  test('a closed store says so', async () => {
    await store[Symbol.asyncDispose]();
    await expect(store.list()).rejects.toMatchObject({ code: 'ERR_IMAGE_STORE_UNAVAILABLE' });
  });
});

/** Where a process of this machine worked that is no more: its ID is beyond the largest of Linux. */
function deadWorkFolder(): string {
  const host = createHash('sha256').update(hostname()).digest('hex').slice(0, 12);
  return at(`store/.slipway/work/4194305-${host}-x`);
}
