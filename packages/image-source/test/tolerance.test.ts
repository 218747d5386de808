import { execFile, execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cp, mkdir, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import { type Digest, decompress, digestBytes, digestStream } from '@slipway/digest';
import { multiPlatformImage, randomImage, writeOciLayout } from '@slipway/testkit';
import { describe, expect, test } from 'vitest';
import type { ImageSource, OpenSourceOptions, SourceImage, SourceNotice } from '../src/image-source.ts';
import { openSource } from '../src/open-source.ts';
import {
  blobOf,
  describe as described,
  dockerArchiveOf,
  type HandmadeBlob,
  indexOf,
  ociArchiveOf,
  soundDocker,
  soundOci,
  types,
} from './handmade-image.ts';
import { tarOf } from './handmade-tar.ts';
import { bytesOf } from './read-content.ts';
import { temporaryFolder } from './temporary-folder.ts';

const run = promisify(execFile);
const folder = temporaryFolder();
const { layer, config, manifest } = soundOci();
const sound = described(manifest, types.manifest);

/** In CI a missing tool is a failure; elsewhere its tests are skipped, and the report says which tool was missing. */
function isMissing(tool: string): boolean {
  if (process.env['CI'] === 'true') return false;
  try {
    execFileSync(tool, ['--version'], { stdio: 'ignore' });
    return false;
  } catch {
    return true;
  }
}

async function written(bytes: Uint8Array, name = 'a.tar'): Promise<string> {
  const path = join(folder(), name);
  await writeFile(path, bytes);
  return path;
}

function imageOf({ items }: ImageSource, at = 0): SourceImage {
  const item = items[at];
  if (item?.kind !== 'image') throw new Error(`expected an image, got ${item?.kind}`);
  return item;
}

/** Opens an image, reads all of it, and says what was told on the way. */
async function readWhole(path: string, options: OpenSourceOptions = {}): Promise<readonly SourceNotice['code'][]> {
  const told: SourceNotice['code'][] = [];
  const source = await openSource(path, { spoolFolder: folder(), ...options, onNotice: ({ code }) => told.push(code) });
  await using _ = source;
  for (const { diffID, content, compression } of imageOf(source).layers) {
    expect(compression).toBe('none');
    expect(digestBytes(await bytesOf(content!))).toBe(diffID);
  }
  return told;
}

describe('a docker archive is read although it holds', () => {
  const entry = { Config: 'c.json', RepoTags: ['app:v1'], Layers: ['l/layer.tar'] };
  const withConfig = (changes: object): object => ({ config: { ...(soundDocker.config as object), ...changes } });

  test.each<[string, object, readonly string[]]>([
    ['keys in lower case', { manifest: [{ config: 'c.json', repoTags: ['app:v1'], layers: ['l/layer.tar'] }] }, []],
    ['keys in capitals', { manifest: [{ CONFIG: 'c.json', REPOTAGS: null, LAYERS: ['l/layer.tar'] }] }, []],
    ['a name in capitals', { manifest: [{ ...entry, RepoTags: ['ABC/Def:1'] }] }, ['name-unreadable']],
    ['a name without a tag', { manifest: [{ ...entry, RepoTags: ['busybox'] }] }, ['name-unreadable']],
    [
      'a name with a digest',
      { manifest: [{ ...entry, RepoTags: [`busybox@${soundDocker.diffID}`] }] },
      ['name-unreadable'],
    ],
    ['the name of what has none', { manifest: [{ ...entry, RepoTags: ['<none>:<none>'] }] }, []],
    ['names that are a text', { manifest: [{ ...entry, RepoTags: 'app' }] }, ['name-unreadable']],
    ['names that are numbers', { manifest: [{ ...entry, RepoTags: [1, {}] }] }, ['name-unreadable', 'name-unreadable']],
    ['sources of layers that are none of its own', { manifest: [{ ...entry, LayerSources: { x: 7 } }] }, []],
    ['sources of layers that are a list', { manifest: [{ ...entry, LayerSources: [] }] }, []],
    ['more history than layers', withConfig({ history: [{}, {}, {}] }), []],
    ['history that makes no sense', withConfig({ history: [7], created: '2020-01-01T00:00:00Z' }), []],
    [
      'rootfs in odd letters',
      withConfig({ rootfs: undefined, rootfS: { type: 'layers', diff_ids: [soundDocker.diffID] } }),
      [],
    ],
    [
      'rootfs on a base of Windows',
      withConfig({ os: 'windows', rootfs: { type: 'layers+base', diff_ids: [soundDocker.diffID] } }),
      [],
    ],
  ])('%s', async (_name, changes, notices) => {
    expect(await readWhole(await written(dockerArchiveOf(changes)))).toEqual(notices);
  });

  test.each([
    ['absolute', '/tmp/readme.txt'],
    ['leading out', '../readme.txt'],
    ['with backslashes', 'notes\\a.txt'],
  ])('a member with a name that is %s and nobody looks up', async (_name, name) => {
    expect(await readWhole(await written(dockerArchiveOf({}, { name, data: 'x' })))).toEqual([]);
  });

  test('members with absolute names that it looks up, as imgutil writes them', async () => {
    const hex = digestBytes(Buffer.from(JSON.stringify(soundDocker.config))).slice(7);
    const names = { config: `/sha256:${hex}.json`, layer: `/sha256:${soundDocker.diffID.slice(7)}.tar` };
    const list = [{ Config: names.config.slice(1), RepoTags: ['app:v1'], Layers: [names.layer.slice(1)] }];
    const path = await written(
      tarOf(
        { name: names.config, data: JSON.stringify(soundDocker.config) },
        { name: names.layer, data: soundDocker.layer },
        { name: '/manifest.json', data: JSON.stringify(list) },
      ),
    );
    expect(await readWhole(path)).toEqual([]);
  });

  test.each(['app:v1', 'docker.io/library/app:v1', 'app:v2'])(
    'a name that two images have chooses none of them: %s',
    async (name) => {
      const other = { name: 'd.json', data: JSON.stringify({ ...(soundDocker.config as object), author: 'x' }) };
      const tags = { RepoTags: ['app:v1', 'app:v2'] };
      const list = [
        { ...entry, RepoTags: ['own:1'] },
        { ...entry, ...tags },
        { ...entry, ...tags, Config: 'd.json' },
      ];
      const path = await written(dockerArchiveOf({ manifest: list }, other));
      await expect(openSource(`docker-archive:${path}:${name}`)).rejects.toMatchObject({
        code: 'ERR_SOURCE_NOT_FOUND',
        message: `2 images of ${JSON.stringify(path)} are called ${JSON.stringify(name)}`,
        hint: 'Choose one by its position: :@1, :@2',
      });
      for (const selector of [':@1', ':@2', ':own:1']) expect(await readWhole(`${path}${selector}`)).toEqual([]);
      const told: SourceNotice[] = [];
      await using whole = await openSource(path, { onNotice: (notice) => told.push(notice) });
      expect(whole.items).toHaveLength(3);
      expect(told.map(({ code, message }) => `${code}: ${message}`)).toEqual(
        ['app:v1', 'app:v2'].map(
          (tag) => `name-twice: 2 images of ${JSON.stringify(path)} are called ${tag}: @1, @2; the last counts`,
        ),
      );
    },
  );

  test('an image that is listed twice under one name is one', async () => {
    const path = await written(dockerArchiveOf({ manifest: [entry, entry] }));
    expect(await readWhole(path)).toEqual([]);
    await using source = await openSource(`docker-archive:${path}:app:v1`);
    expect(source.items).toHaveLength(1);
  });

  test('two images, of which one is damaged and the other one is chosen', async () => {
    const bad = { Config: 'nothing.json', RepoTags: ['bad:v1'], Layers: [7] };
    const path = await written(dockerArchiveOf({ manifest: [bad, entry] }));
    for (const selector of [':app:v1', ':v1', ':@1', `:${imageID().slice(7, 19)}`, `@${imageID()}`]) {
      expect(await readWhole(`docker-archive:${path}${selector}`).catch((error: Error) => error.message)).toEqual(
        selector === ':v1' ? expect.stringContaining('2 images') : [],
      );
    }
    expect(await readWhole(`${path}:@1`)).toEqual([]);
    expect(await readWhole(`${path}@${imageID()}`)).toEqual([]);
    await expect(openSource(path)).rejects.toMatchObject({ code: 'ERR_SOURCE_INVALID' });
  });

  test('two keys that differ in letter case and in what they say are refused', async () => {
    const path = await written(dockerArchiveOf({ manifest: [{ ...entry, layers: ['x'] }] }));
    await expect(openSource(path)).rejects.toThrow('Layers is there twice, once as "layers", with different values');
  });
});

function imageID(): Digest {
  return digestBytes(Buffer.from(JSON.stringify(soundDocker.config)));
}

describe.skipIf(isMissing('tar'))('sparse members (skipped where tar is not installed)', () => {
  test.each([
    ['gnu', []],
    ['pax', ['--sparse-version=0.0']],
    ['pax', ['--sparse-version=0.1']],
    ['pax', ['--sparse-version=1.0']],
  ])('as tar -S writes them in %s format, %o', async (format, options) => {
    // Data and holes in turn, more of them than a header has room for, and a hole at the end.
    const pieces = Array.from({ length: 40 }, (_, at) => Buffer.alloc(65_536, at % 2 === 0 ? at + 1 : 0));
    const big = Buffer.concat(pieces);
    const inside = join(folder(), 'archive');
    await mkdir(join(inside, 'l'), { recursive: true });
    const total = big.byteLength + 300_000;
    await writeFile(join(inside, 'l/layer.tar'), '');
    const { open } = await import('node:fs/promises');
    const handle = await open(join(inside, 'l/layer.tar'), 'r+');
    for (const [at, piece] of pieces.entries())
      if (at % 2 === 0) await handle.write(piece, 0, piece.length, at * 65_536);
    await handle.close();
    await truncate(join(inside, 'l/layer.tar'), total);
    const plain = Buffer.concat([big, Buffer.alloc(300_000)]);
    const document = { os: 'linux', rootfs: { type: 'layers', diff_ids: [digestBytes(plain)] } };
    await writeFile(join(inside, 'c.json'), JSON.stringify(document));
    await writeFile(join(inside, 'manifest.json'), JSON.stringify([{ Config: 'c.json', Layers: ['l/layer.tar'] }]));
    const path = join(folder(), 'sparse.tar');
    await run('tar', ['-S', `--format=${format}`, ...options, '-C', inside, '-cf', path, '.']);
    expect(await readWhole(path)).toEqual([]);
    await using source = await openSource(path);
    const { content } = imageOf(source).layers[0]!;
    for (const from of [1, 65_535, 65_536, 200_000, big.byteLength + 5, total]) {
      expect((await bytesOf(content!, { from })).equals(plain.subarray(from)), `from ${from}`).toBe(true);
    }
  });

  test('one that announces more zeros than anybody stores is refused when it is wanted', async () => {
    const size = String(8 * 1024 ** 4);
    const pax = { 'GNU.sparse.size': size, 'GNU.sparse.map': '' };
    const members = [
      { name: 'c.json', data: JSON.stringify(soundDocker.config) },
      { name: 'manifest.json', data: JSON.stringify([{ Config: 'c.json', Layers: ['l/layer.tar'] }]) },
    ];
    const path = await written(tarOf({ name: 'l/layer.tar', pax }, ...members));
    await expect(openSource(path)).rejects.toThrow(`is a sparse file of ${size} bytes, of which only 0 are stored`);
  });
});

describe('an OCI layout is read although', () => {
  const open = async (index: unknown, ...blobs: readonly HandmadeBlob[]): Promise<readonly SourceNotice['code'][]> =>
    await readWhole(await written(ociArchiveOf(index, ...blobs)));

  test.each<[string, object, readonly string[]]>([
    ['an entry has no digest', { ...sound, digest: '' }, ['entry-unreadable']],
    ['an entry is a number', 7 as never, ['entry-unreadable']],
    ['an entry has a size in words', { ...sound, size: '7' }, ['entry-unreadable']],
    ['an entry is of a type nobody knows', { ...sound, mediaType: 'application/xml' }, ['entry-not-image']],
  ])('%s', async (_name, entry, notices) => {
    const named = { ...sound, annotations: { 'org.opencontainers.image.ref.name': 'v1' } };
    const other = blobOf({ ...JSON.parse(String(manifest.bytes)), annotations: { other: 'one' } });
    const odd =
      typeof entry === 'object' ? { ...entry, digest: (entry as { digest: string }).digest && other.digest } : entry;
    expect(await open(indexOf(odd, named), layer, config, manifest)).toEqual(notices);
  });

  test('descriptors leave out their sizes', async () => {
    const { size: _, ...bare } = described(layer, types.layer) as { size: number };
    const blob = blobOf({
      schemaVersion: 2,
      mediaType: types.manifest,
      config: { mediaType: types.config, digest: config.digest },
      layers: [bare],
    });
    const index = { schemaVersion: 2, manifests: [{ mediaType: types.manifest, digest: blob.digest }] };
    expect(await open(index, layer, config, blob)).toEqual([]);
    await using source = await openSource(join(folder(), 'a.tar'));
    expect(imageOf(source).layers[0]!.descriptor!.size).toBe(layer.size);
  });

  test('its entry has no media type: the document tells what it is', async () => {
    const { mediaType: _, ...untyped } = sound as { readonly mediaType: string };
    const path = await written(ociArchiveOf(indexOf(untyped), layer, config, manifest));
    expect(await readWhole(path)).toEqual([]);
    await using source = await openSource(path);
    expect(imageOf(source).manifest).toMatchObject({ mediaType: types.manifest, digest: manifest.digest });
  });

  test('its index is about the image within, which makes it no referrer to leave out', async () => {
    const index = blobOf({ ...indexOf(sound), subject: sound });
    const named = described(index, types.index, { annotations: { 'org.opencontainers.image.ref.name': 'v1' } });
    const path = await written(ociArchiveOf(indexOf(named), layer, config, manifest, index));
    await using source = await openSource(path, { referrers: true });
    expect(source.items.map(({ kind, names }) => [kind, names])).toEqual([['index', ['v1']]]);
  });

  test('oci-layout is missing, in a folder and in an archive', async () => {
    const path = join(folder(), 'layout');
    await writeOciLayout(path, [{ content: await randomImage(), refName: 'v1' }]);
    await rm(join(path, 'oci-layout'));
    await using source = await openSource(path);
    expect([source.kind, imageOf(source).names]).toEqual(['oci-layout', ['v1']]);
    await using chosen = await openSource(`${path}:v1`);
    expect(chosen.items).toHaveLength(1);
    const archive = tarOf(
      { name: 'index.json', data: JSON.stringify(indexOf(sound)) },
      ...[layer, config, manifest].map(({ bytes, digest }) => ({
        name: `blobs/${digest.replace(':', '/')}`,
        data: bytes,
      })),
    );
    expect(await readWhole(await written(archive))).toEqual([]);
  });

  test.each(['application/octet-stream', 'text/html', 'application/json'])('its config is called %s', async (type) => {
    const blob = blobOf({
      schemaVersion: 2,
      mediaType: types.manifest,
      config: described(config, type),
      layers: [described(layer, types.layer)],
    });
    expect(await open(indexOf(described(blob, types.manifest)), layer, config, blob)).toEqual([]);
  });

  test('it lies in a folder of its own within the archive: the hint says so', async () => {
    const path = await written(tarOf({ name: 'layout/index.json', data: JSON.stringify(indexOf(sound)) }));
    await expect(openSource(path)).rejects.toMatchObject({ hint: expect.stringContaining('"layout/index.json"') });
  });
});

describe('what is used is judged as ever', () => {
  test('one layer of unknown type leaves the others with their diffIDs', async () => {
    const odd = blobOf('nobody knows this');
    const document = { os: 'linux', rootfs: { type: 'layers', diff_ids: [layer.digest, odd.digest] } };
    const own = blobOf(document);
    const blob = blobOf({
      schemaVersion: 2,
      mediaType: types.manifest,
      config: described(own, types.config),
      layers: [described(layer, types.layer), described(odd, 'application/x-unknown')],
    });
    const path = await written(ociArchiveOf(indexOf(described(blob, types.manifest)), layer, odd, own, blob));
    await using source = await openSource(path);
    const [item] = source.items;
    if (item?.kind !== 'artifact') throw new Error('expected an artifact');
    expect(item.blobs.map(({ layer: found }) => found)).toEqual([
      undefined,
      { diffID: layer.digest, compression: 'none' },
      undefined,
    ]);
  });

  const withOwnConfig = (members: object): Uint8Array => {
    const own = blobOf({ os: 'linux', ...members });
    const blob = blobOf({
      schemaVersion: 2,
      mediaType: types.manifest,
      config: described(own, types.config),
      layers: [described(layer, types.layer)],
    });
    return ociArchiveOf(indexOf(described(blob, types.manifest)), layer, own, blob);
  };
  const rootfs = { type: 'layers', diff_ids: [layer.digest] };
  const unpaired = (): Uint8Array => withOwnConfig({ rootfs: { ...rootfs, diff_ids: [layer.digest, layer.digest] } });

  test.each([
    ['rootfs', { rootfs, RootFS: { ...rootfs, diff_ids: [] } }],
    ['diff_ids', { rootfs: { ...rootfs, DIFF_IDS: [] } }],
    ['os', { rootfs, OS: 'windows' }],
    ['architecture', { rootfs, architecture: 'amd64', Architecture: 'arm64' }],
  ])('a config that has %s in two spellings, with different values, is refused', async (name, members) => {
    const path = await written(withOwnConfig(members));
    const twice = { code: 'ERR_SOURCE_INVALID', message: expect.stringContaining(`is there twice, once as "${name}"`) };
    await expect(openSource(path, { unpaired: 'carry' })).rejects.toMatchObject(twice);
  });

  test('layers that do not pair with diffIDs are refused, unless the caller carries them', async () => {
    const path = await written(unpaired());
    await expect(openSource(path)).rejects.toThrow('layers length mismatch: expected 2, got 1');
    const told: SourceNotice[] = [];
    await using source = await openSource(path, { unpaired: 'carry', onNotice: (notice) => told.push(notice) });
    expect(source.items.map(({ kind }) => kind)).toEqual(['artifact']);
    expect(told).toMatchObject([{ code: 'layer-unread' }]);
  });

  test('a layer of no bytes that should have some is refused, in every form', async () => {
    await expect(openSource(await written(dockerArchiveOf({ layer: Buffer.alloc(0) })))).rejects.toThrow(
      'is empty, and',
    );
    const none = blobOf(Buffer.alloc(0));
    const blob = blobOf({
      schemaVersion: 2,
      mediaType: types.manifest,
      config: described(config, types.config),
      layers: [described(none, types.layer)],
    });
    const path = await written(ociArchiveOf(indexOf(described(blob, types.manifest)), none, config, blob));
    await expect(openSource(path)).rejects.toThrow(`is empty, and should unpack to ${layer.digest}`);
  });

  test.each([
    ['a size that is another', { ...sound, size: 7 }],
    ['a size of 0 that is written', { ...sound, size: 0 }],
  ])('%s is refused', async (_name, entry) => {
    const path = await written(ociArchiveOf(indexOf(entry), layer, config, manifest));
    await expect(openSource(path)).rejects.toMatchObject({ code: 'ERR_SOURCE_INVALID' });
  });
});

describe('images of which something is missing', () => {
  const platforms = ['amd64', 'arm64'].map((architecture) => ({ os: 'linux', architecture }));

  async function sparseLayout(): Promise<string> {
    const path = join(folder(), 'layout');
    await writeOciLayout(path, [{ content: await multiPlatformImage(platforms), refName: 'v1' }]);
    await using whole = await openSource(path);
    const [index] = whole.items;
    if (index?.kind !== 'index') throw new Error('expected an index');
    const [, arm] = index.children;
    const digests = [arm!.descriptor.digest, ...(arm!.item.kind === 'image' ? [arm!.item.config.digest] : [])];
    for (const digest of digests) await rm(join(path, 'blobs', digest.replace(':', '/')));
    return path;
  }

  test('a platform that is whole is opened; the refusal of all names it', async () => {
    const path = await sparseLayout();
    await expect(openSource(path)).rejects.toMatchObject({
      code: 'ERR_SOURCE_NOT_FOUND',
      hint: expect.stringContaining('`platform: linux/amd64`'),
    });
    const [amd64, arm64] = platforms;
    await using source = await openSource(path, { platform: amd64 });
    const [index] = source.items;
    expect(index?.kind === 'index' && index.children.map(({ item }) => item.kind)).toEqual(['image']);
    await expect(openSource(path, { platform: arm64 })).rejects.toMatchObject({ code: 'ERR_SOURCE_NOT_FOUND' });
    await using chosen = await openSource(
      `${path}@${index?.kind === 'index' ? index.children[0]!.descriptor.digest : ''}`,
    );
    expect(imageOf(chosen).platform).toEqual(amd64);
  });

  test('all that is there is listed for whoever wants to see it', async () => {
    const path = await sparseLayout();
    await using source = await openSource(path, { incomplete: 'list' });
    expect(source.items).toEqual([]);
    const [only] = source.incomplete ?? [];
    expect(only).toMatchObject({ names: ['v1'], platforms: ['linux/amd64'] });
    expect(only?.missing).toHaveLength(1);
    expect(only?.item?.kind === 'index' && only.item.children).toHaveLength(1);
  });
});

describe('a flat index.json', () => {
  test('of several platforms is one index, to the byte', async () => {
    const path = join(folder(), 'layout');
    const images = await multiPlatformImage(['amd64', 'arm64'].map((architecture) => ({ os: 'linux', architecture })));
    await writeOciLayout(
      path,
      images.map((content) => ({ content })),
    );
    await using source = await openSource(path);
    expect(source.items).toHaveLength(2);
    const { readFile } = await import('node:fs/promises');
    const bytes = await readFile(join(path, 'index.json'));
    expect(source.whole?.manifest.digest).toBe(digestBytes(bytes));
    expect(source.whole?.children.map(({ item }) => item.kind)).toEqual(['image', 'image']);
  });

  test.each([
    ['two images of one platform', ['amd64', 'amd64'], [undefined, undefined]],
    ['images with names', ['amd64', 'arm64'], ['v1', 'v2']],
    ['one image', ['amd64'], [undefined]],
  ])('of %s is none', async (_name, architectures, names) => {
    const path = join(folder(), 'layout');
    const images = await Promise.all(
      architectures.map((architecture, seed) => randomImage({ seed, platform: { os: 'linux', architecture } })),
    );
    const entries = images.map((content, at) =>
      names[at] === undefined ? { content } : { content, refName: names[at] },
    );
    await writeOciLayout(path, entries);
    await using source = await openSource(path);
    expect(source.whole).toBeUndefined();
  });
});

describe('bytes behind gzip', () => {
  test.each([
    ['zeros', Buffer.alloc(10_240)],
    ['text', Buffer.from('something else')],
  ])('%s behind a compressed archive are passed over', async (_name, surplus) => {
    const path = await written(Buffer.concat([gzipSync(dockerArchiveOf()), surplus]));
    expect(await readWhole(path)).toEqual([]);
  });
});

describe.each(['xz', 'bzip2'])('%s', (tool) => {
  describe.skipIf(isMissing(tool))('as its program writes it (skipped where it is not installed)', () => {
    const compressed = async (bytes: Uint8Array): Promise<Buffer> => {
      const path = await written(bytes, 'plain');
      const { stdout } = await run(tool, ['-c', path], { encoding: 'buffer', maxBuffer: 2 ** 30 });
      return stdout;
    };

    test('an archive is opened, from a file and from standard input', async () => {
      const bytes = await compressed(dockerArchiveOf());
      expect(await readWhole(await written(bytes))).toEqual([]);
      async function* stdin(): AsyncGenerator<Uint8Array> {
        yield bytes;
      }
      expect(await readWhole('-', { stdin: stdin() })).toEqual([]);
    });

    test('a layer of a docker archive is unpacked, once, and gone with the source', async () => {
      const written_: string[] = [];
      const path = await written(dockerArchiveOf({ layer: await compressed(soundDocker.layer) }));
      const source = await openSource(path, { spoolFolder: folder(), onSpool: ({ name }) => written_.push(name) });
      const { content, diffID, compression } = imageOf(source).layers[0]!;
      expect([compression, digestBytes(await bytesOf(content!))]).toEqual(['none', diffID]);
      expect((await bytesOf(content!, { from: 100 })).equals(soundDocker.layer.subarray(100))).toBe(true);
      expect(written_).toEqual([`l/layer.tar in ${path}`]);
      await source[Symbol.asyncDispose]();
      await expect(bytesOf(content!)).rejects.toMatchObject({ code: 'ERR_SOURCE_CONSUMED' });
    });

    test.each([
      ['called a plain tar', types.layer],
      ['called by what it is', `${types.layer}+${tool}`],
    ])('a layer of a layout stays what it is: %s', async (_name, mediaType) => {
      const odd = blobOf(await compressed(layer.bytes));
      const blob = blobOf({
        schemaVersion: 2,
        mediaType: types.manifest,
        config: described(config, types.config),
        layers: [described(odd, mediaType)],
      });
      const path = await written(ociArchiveOf(indexOf(described(blob, types.manifest)), odd, config, blob));
      await using source = await openSource(path);
      const { content, diffID, compression } = imageOf(source).layers[0]!;
      expect([compression, content?.size]).toEqual([tool, odd.bytes.byteLength]);
      expect((await digestStream(decompress(content!.open(), compression))).digest).toBe(diffID);
    });
  });
});

describe('other forms', () => {
  test('a docker archive that was unpacked into a folder', async () => {
    const path = join(folder(), 'unpacked');
    await mkdir(join(path, 'l'), { recursive: true });
    await writeFile(join(path, 'l/layer.tar'), soundDocker.layer);
    await writeFile(join(path, 'c.json'), JSON.stringify(soundDocker.config));
    await writeFile(join(path, 'manifest.json'), JSON.stringify(soundDocker.manifest));
    await using source = await openSource(path);
    expect([source.kind, imageOf(source).names]).toEqual(['docker-archive', ['app:v1']]);
    expect(await readWhole(path)).toEqual([]);
  });

  test('a path with colons in it, alone and behind a transport', async () => {
    const odd = join(folder(), 'a:b c');
    await writeOciLayout(odd, [{ content: await randomImage(), refName: 'v1' }]);
    for (const text of [odd, `oci:${odd}`, `oci:${odd}:v1`, `${odd}:v1`, `${odd}:@0`, `oci:${odd}:@0`]) {
      await using source = await openSource(text);
      expect(source.name).toBe(odd);
      expect(source.items).toHaveLength(1);
    }
    await cp(odd, `${odd}:v1`, { recursive: true });
    await using exact = await openSource(`${odd}:v1`);
    expect(exact.name).toBe(`${odd}:v1`);
  });

  test('a folder of skopeo’s, with one image and with an index', async () => {
    const path = join(folder(), 'dir');
    await mkdir(path);
    const sha = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
    await writeFile(join(path, 'version'), 'Directory Transport Version: 1.1\n');
    await writeFile(join(path, 'manifest.json'), manifest.bytes);
    for (const { bytes } of [layer, config]) await writeFile(join(path, sha(bytes)), bytes);
    for (const text of [path, `dir:${path}`, `dir:${path}:@0`, `dir:${path}@${manifest.digest}`]) {
      await using source = await openSource(text);
      expect([source.kind, imageOf(source).manifest?.digest]).toEqual(['dir', manifest.digest]);
      expect(await readWhole(text)).toEqual([]);
    }
    const tar = join(folder(), 'dir.tar');
    const files = (await readdir(path)).map(async (name) => ({ name, data: await readFile(join(path, name)) }));
    await writeFile(tar, tarOf(...(await Promise.all(files))));
    await using packed = await openSource(tar);
    expect([packed.kind, imageOf(packed).manifest?.digest]).toEqual(['dir', manifest.digest]);
    expect(await readWhole(tar)).toEqual([]);
    const index = blobOf(indexOf(sound));
    await writeFile(join(path, 'manifest.json'), index.bytes);
    await writeFile(join(path, `${sha(manifest.bytes)}.manifest.json`), manifest.bytes);
    await using several = await openSource(path);
    expect(several.items).toMatchObject([{ kind: 'index', manifest: { digest: index.digest } }]);
    await rm(join(path, sha(layer.bytes)));
    await expect(openSource(path)).rejects.toMatchObject({
      code: 'ERR_SOURCE_NOT_FOUND',
      message: expect.stringContaining(layer.digest),
    });
  });
});
