import { createReadStream } from 'node:fs';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { gunzipSync } from 'node:zlib';
import { decompress, detectCompression, digestBytes, digestStream } from '@slipway/digest';
import { mediaTypes } from '@slipway/manifest';
import { extract } from 'tar-stream';
import { describe, expect, test } from 'vitest';
import {
  type DockerArchiveOptions,
  flipByte,
  randomImage,
  type TestImage,
  temporaryFolder,
  writeDockerArchive,
  writeOciArchive,
  writeOciLayout,
} from '../src/index.ts';

interface Member {
  readonly type: string | null | undefined;
  readonly bytes: Uint8Array;
  readonly target: string | null | undefined;
}

async function membersOf(path: string): Promise<Map<string, Member>> {
  const members = new Map<string, Member>();
  for await (const entry of createReadStream(path).pipe(extract())) {
    const chunks: Uint8Array[] = [];
    for await (const chunk of entry as AsyncIterable<Uint8Array>) chunks.push(chunk);
    const { name, type, linkname } = entry.header;
    expect(members.has(name), `${name} stands there once`).toBe(false);
    members.set(name, { type, bytes: Buffer.concat(chunks), target: linkname });
  }
  return members;
}

function jsonOf(members: Map<string, Member>, name: string) {
  return JSON.parse(new TextDecoder().decode(members.get(name)?.bytes));
}

async function archived(image: TestImage, options: DockerArchiveOptions): Promise<Map<string, Member>> {
  await using folder = await temporaryFolder();
  const path = join(folder.path, 'image.tar');
  await writeDockerArchive(path, [{ image, references: ['app:v1', 'ghcr.io/me/app:v2'] }], options);
  return await membersOf(path);
}

describe('a docker archive', () => {
  test('of the old layout has a folder a layer, and links later copies', async () => {
    const base = await randomImage();
    const image = await randomImage({ layers: [...base.layers, base.layers[0] ?? {}] });
    const members = await archived(image, { layout: 'old' });
    const [{ Config, RepoTags, Layers }] = jsonOf(members, 'manifest.json');
    expect(Config).toBe(`${image.imageID.slice(7)}.json`);
    expect(RepoTags).toEqual(['app:v1', 'ghcr.io/me/app:v2']);
    expect(members.get(Config)?.bytes).toEqual(Buffer.from(image.configBytes));
    const layers = Layers.map((name: string) => members.get(name));
    expect(digestBytes(layers[0].bytes)).toBe(image.layers[0]?.diffID);
    expect([layers[2].type, layers[2].target]).toEqual(['symlink', `../${Layers[0]}`]);
    const top = Layers[2].split('/')[0];
    expect(jsonOf(members, 'repositories')).toEqual({ app: { v1: top }, 'ghcr.io/me/app': { v2: top } });
    expect(jsonOf(members, `${top}/json`).parent).toBe(Layers[1].split('/')[0]);
  });

  test('of the old layout can do without links', async () => {
    const base = await randomImage();
    const members = await archived(await randomImage({ layers: [...base.layers, base.layers[0] ?? {}] }), {
      layout: 'old',
      links: false,
    });
    expect([...members.values()].some(({ type }) => type === 'symlink')).toBe(false);
  });

  test.each(['none', 'gzip', 'zstd'] as const)(
    'of the new layout is an OCI layout too, with %s layers',
    async (layerCompression) => {
      const image = await randomImage();
      const members = await archived(image, { layerCompression });
      expect(jsonOf(members, 'oci-layout')).toEqual({ imageLayoutVersion: '1.0.0' });
      for (const [name, { bytes, type }] of members) {
        if (name.startsWith('blobs/sha256/') && type === 'file')
          expect(digestBytes(bytes)).toBe(`sha256:${name.slice(13)}`);
      }
      const { manifests } = jsonOf(members, 'index.json');
      expect(manifests.map(({ annotations }: { annotations: object }) => annotations)).toEqual([
        { 'io.containerd.image.name': 'app:v1', 'org.opencontainers.image.ref.name': 'v1' },
        { 'io.containerd.image.name': 'ghcr.io/me/app:v2', 'org.opencontainers.image.ref.name': 'v2' },
      ]);
      const [{ Layers }] = jsonOf(members, 'manifest.json');
      for (const [index, name] of Layers.entries()) {
        const bytes = members.get(name)?.bytes ?? new Uint8Array();
        expect(detectCompression(bytes)).toBe(layerCompression);
        const plain = await digestStream(decompress(Readable.from([bytes]), layerCompression));
        expect(plain.digest).toBe(image.layers[index]?.diffID);
      }
    },
  );

  test('is the same, byte for byte, for one seed', async () => {
    await using folder = await temporaryFolder();
    const digests = new Set<string>();
    for (const name of ['a', 'b']) {
      await writeDockerArchive(
        join(folder.path, name),
        [{ image: await randomImage({ seed: 7 }), references: ['app:v1'] }],
        { compression: 'gzip' },
      );
      digests.add(digestBytes(await readFile(join(folder.path, name))));
    }
    expect(digests.size).toBe(1);
  });

  test('may be compressed as a whole, and may have no name', async () => {
    await using folder = await temporaryFolder();
    const image = await randomImage();
    await writeDockerArchive(join(folder.path, 'plain'), [{ image }]);
    await writeDockerArchive(join(folder.path, 'gzip'), [{ image }], { compression: 'gzip' });
    const plain = await readFile(join(folder.path, 'plain'));
    expect(gunzipSync(await readFile(join(folder.path, 'gzip'))).equals(plain)).toBe(true);
    const members = await membersOf(join(folder.path, 'plain'));
    expect([jsonOf(members, 'manifest.json')[0].RepoTags, members.has('repositories')]).toEqual([null, false]);
  });
});

describe('an OCI layout', () => {
  const json = async (path: string) => JSON.parse(await readFile(path, 'utf8'));

  test('may nest its indexes', async () => {
    await using folder = await temporaryFolder();
    const images = [await randomImage({ seed: 1 }), await randomImage({ seed: 2 })];
    const { entries } = await writeOciLayout(folder.path, [{ content: images, refName: 'v1' }], { nested: true });
    const { manifests } = await json(join(folder.path, 'index.json'));
    expect(manifests).toEqual(entries);
    const at = (digest: string) => json(join(folder.path, 'blobs', ...digest.split(':')));
    const outer = await at(manifests[0].digest);
    const inner = await at(outer.manifests[0].digest);
    expect([outer.mediaType, inner.mediaType]).toEqual([mediaTypes.ociIndex, mediaTypes.ociIndex]);
    expect(inner.manifests.map(({ platform }: { platform: object }) => platform)).toEqual(
      images.map(({ platform }) => platform),
    );
  });

  test("may have Docker's media types", async () => {
    await using folder = await temporaryFolder();
    const { entries } = await writeOciLayout(folder.path, [{ content: [await randomImage()] }], { format: 'docker' });
    const list = await json(join(folder.path, 'blobs', ...(entries[0]?.digest ?? '').split(':')));
    const manifest = await json(join(folder.path, 'blobs', ...list.manifests[0].digest.split(':')));
    expect([list.mediaType, manifest.mediaType, manifest.config.mediaType, manifest.layers[0].mediaType]).toEqual([
      mediaTypes.dockerManifestList,
      mediaTypes.dockerManifest,
      mediaTypes.dockerConfig,
      mediaTypes.dockerLayerGzip,
    ]);
  });

  test('has artifacts that name their subject', async () => {
    await using folder = await temporaryFolder();
    const image = await randomImage();
    const artifact = {
      artifactType: 'application/vnd.example',
      blobs: [{ mediaType: 'text/plain', bytes: new TextEncoder().encode('signed') }],
      subject: image,
      annotations: { by: 'me' },
    };
    const { entries } = await writeOciLayout(folder.path, [{ content: image }, { content: artifact }]);
    const manifest = await json(join(folder.path, 'blobs', ...(entries[1]?.digest ?? '').split(':')));
    expect(manifest).toMatchObject({
      artifactType: 'application/vnd.example',
      subject: entries[0],
      annotations: { by: 'me' },
    });
    await expect(writeOciLayout(folder.path, [{ content: artifact }])).rejects.toThrow(TypeError);
  });

  test('leaves nothing but itself behind', async () => {
    await using folder = await temporaryFolder();
    await writeOciLayout(folder.path, [{ content: await randomImage() }]);
    expect((await readdir(folder.path)).sort()).toEqual(['blobs', 'index.json', 'oci-layout']);
    expect(await readdir(join(folder.path, 'blobs'))).toEqual(['sha256']);
  });

  test('as an archive has the same members', async () => {
    await using folder = await temporaryFolder();
    const entries = [{ content: await randomImage(), refName: 'v1' }];
    await writeOciLayout(join(folder.path, 'layout'), entries);
    await writeOciArchive(join(folder.path, 'layout.tar'), entries);
    const members = await membersOf(join(folder.path, 'layout.tar'));
    const files = [...members].filter(([, { type }]) => type === 'file');
    expect(files).toHaveLength(6);
    for (const [name, { bytes }] of files) expect(bytes).toEqual(await readFile(join(folder.path, 'layout', name)));
  });
});

describe('flipByte', () => {
  test.each([
    [0, [0xfe, 2, 3]],
    [2, [1, 2, 0xfc]],
    [-1, [1, 2, 0xfc]],
    [-3, [0xfe, 2, 3]],
  ])('turns over byte %d', async (offset, expected) => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, 'file');
    await writeFile(path, Uint8Array.of(1, 2, 3));
    await flipByte(path, offset);
    expect([...(await readFile(path))]).toEqual(expected);
  });

  test.each([3, -4, 0.5, Number.NaN])('refuses byte %d of three', async (offset) => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, 'file');
    await writeFile(path, Uint8Array.of(1, 2, 3));
    await expect(flipByte(path, offset)).rejects.toThrow(RangeError);
  });
});
