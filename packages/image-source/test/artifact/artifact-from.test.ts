import { execFileSync } from 'node:child_process';
import { chmod, link, mkdir, rename, stat, symlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { contentOf, type Digest, digestBytes } from '@slipway/digest';
import { mediaTypes } from '@slipway/manifest';
import { asNobody } from '@slipway/testkit';
import { describe, expect, test } from 'vitest';
import {
  type ArtifactParts,
  artifactFrom,
  artifactMediaTypes,
  type OpenArtifactOptions,
  type SourceArtifact,
} from '../../src/index.ts';
import { listing } from '../parts/listing.ts';
import { bytesOf } from '../read-content.ts';
import { temporaryFolder } from '../temporary-folder.ts';

const folder = temporaryFolder();
const created = { 'org.opencontainers.image.created': '2020-01-01T00:00:00Z' };
const title = 'org.opencontainers.image.title';
const hello = { title: 'a.txt', content: 'hello\n' };

async function opened<T>(
  parts: ArtifactParts,
  use: (artifact: SourceArtifact) => T | Promise<T>,
  options?: OpenArtifactOptions,
): Promise<T> {
  await using source = await artifactFrom(parts).open(options);
  const [item] = source.items;
  if (item?.kind !== 'artifact') throw new Error(`expected an artifact, got ${item?.kind}`);
  return await use(item);
}

const digestOf = (parts: ArtifactParts, options?: OpenArtifactOptions): Promise<Digest> =>
  opened(parts, ({ manifest }) => manifest.digest, options);

const titlesOf = (parts: ArtifactParts): Promise<readonly (string | undefined)[]> =>
  opened(parts, ({ blobs: [, ...layers] }) => layers.map(({ descriptor }) => descriptor.annotations?.[title]));

async function put(path: string, text = path): Promise<string> {
  const full = join(folder(), path);
  await mkdir(join(full, '..'), { recursive: true });
  await writeFile(full, text);
  return full;
}

/** What oras 1.3.3 made: `oras push REF … --annotation org.opencontainers.image.created=2020-01-01T00:00:00Z`. */
describe('the manifest is that of oras, byte for byte', () => {
  test.each<[string, ArtifactParts, string]>([
    ['a.txt', { files: [hello] }, 'sha256:aa5946ddee1e256b44eb4eba48ec50bf2ad9010a40bb42122fa3ebe027db6ee5'],
    [
      'a.txt --config c.json:application/vnd.cfg --annotation "x=<&>é"',
      {
        files: [hello],
        config: { content: '{}\n', mediaType: 'application/vnd.cfg' },
        annotations: { x: '<&>é' },
      },
      'sha256:03d400ec6c6d3d9cc989aef52bfd426d5d20ec123a07c456b55c6c6fd3d14831',
    ],
    [
      'a.txt --config c.json',
      { files: [hello], config: { content: '{}\n' } },
      'sha256:e469925d16d27e960e9b7b480e8d70744b1fe40d099419f3997a29d1e4ba169c',
    ],
    [
      '--artifact-type application/vnd.x',
      { artifactType: 'application/vnd.x' },
      'sha256:1f49bbb67fec62396b91e2d39bf19590b2055a7a39de1b1a2c86003da3385fca',
    ],
    [
      'd/sub/x ./b.bin',
      {
        files: [
          { title: 'd/sub/x', content: 'x\n' },
          { title: './b.bin', content: new Uint8Array([0x61, 0, 0x62]) },
        ],
      },
      'sha256:311bc1bb2f6f0c749186c2b9134543c13f57f83742cfe7be6156c47035b3b2a2',
    ],
  ])('oras push REF %s', async (_, parts, digest) => {
    expect(await digestOf({ ...parts, annotations: { ...created, ...parts.annotations } })).toBe(digest);
  });

  test('oras attach REF a.txt:text/x --artifact-type application/vnd.sbom', async () => {
    const subject = {
      mediaType: mediaTypes.ociManifest,
      digest: 'sha256:aa5946ddee1e256b44eb4eba48ec50bf2ad9010a40bb42122fa3ebe027db6ee5' as Digest,
      size: 583,
      annotations: { left: 'out' },
    };
    const files = [{ ...hello, mediaType: 'text/x' }];
    const annotations = { 'org.opencontainers.image.created': '2026-11-28T22:48:17Z' };
    expect(await digestOf({ files, artifactType: 'application/vnd.sbom', subject, annotations })).toBe(
      'sha256:effd84728e18959b6087c913b7f5dafeec7df2d65d326e6220508c667f968f3f',
    );
  });
});

test('nothing is added: the same parts make the same artifact, whenever and wherever', async () => {
  const first = [await put('one/data/a', 'x'), await put('one/b', 'y')];
  const second = [await put('two/data/a', 'x'), await put('two/b', 'y')];
  await utimes(second[0]!, 1, 1);
  const [a, b] = await Promise.all(
    [first, second].map((paths) => digestOf({ files: [join(paths[0]!, '..'), paths[1]!] })),
  );
  expect(a).toBe(b);
  const text = await opened({ files: first }, ({ manifest }) => new TextDecoder().decode(manifest.bytes));
  expect(text).not.toContain(folder());
  expect(text).not.toContain('created');
});

test('a subject that is named is looked up, and one that is a descriptor is not', async () => {
  const found = { mediaType: mediaTypes.ociManifest, digest: digestBytes(new Uint8Array(1)), size: 7 };
  const asked: string[] = [];
  const resolveSubject = async (reference: string) => {
    asked.push(reference);
    return found;
  };
  const subjectIn = ({ manifest }: SourceArtifact): unknown =>
    JSON.parse(new TextDecoder().decode(manifest.bytes)).subject;
  expect(await opened({ files: [hello], subject: 'r.example/a:1' }, subjectIn, { resolveSubject })).toEqual(found);
  expect(await opened({ files: [hello], subject: found }, subjectIn, { resolveSubject })).toEqual(found);
  expect(asked).toEqual(['r.example/a:1']);
  await expect(artifactFrom({ files: [hello], subject: 'r.example/a:1' }).open()).rejects.toMatchObject({
    code: 'ERR_SOURCE_UNSUPPORTED',
  });
});

describe('a folder', () => {
  test('goes as a tar that begins with its name, compressed, with what oras unpacks it by', async () => {
    await put('top/sub/x', 'in sub');
    await put('top/.wh.gone', 'no deletion here');
    await link(join(folder(), 'top/sub/x'), join(folder(), 'top/same'));
    await symlink('sub/x', join(folder(), 'top/link'));
    await chmod(join(folder(), 'top'), 0o750);
    await chmod(join(folder(), 'top/sub/x'), 0o755);
    await chmod(join(folder(), 'top/.wh.gone'), 0o644);
    await chmod(join(folder(), 'top/sub'), 0o755);
    await opened({ files: [join(folder(), 'top')] }, async ({ blobs: [, layer] }) => {
      const bytes = await bytesOf(layer!.content);
      expect(digestBytes(bytes)).toBe(layer!.descriptor.digest);
      expect(bytes.byteLength).toBe(layer!.descriptor.size);
      const tar = gunzipSync(bytes);
      expect(layer!.descriptor).toMatchObject({
        mediaType: artifactMediaTypes.folder,
        annotations: {
          [title]: 'top',
          'io.deis.oras.content.unpack': 'true',
          'io.deis.oras.content.digest': digestBytes(tar),
        },
      });
      const rows = listing(tar).map(({ path, type, mode, uid, mtime, linkpath, bytes: content }) => {
        return [path, type, mode?.toString(8), uid, mtime, linkpath || content.toString()];
      });
      expect(rows).toEqual([
        ['top/', 'Directory', '750', 0, 0, ''],
        ['top/.wh.gone', 'File', '644', 0, 0, 'no deletion here'],
        ['top/link', 'SymbolicLink', '777', 0, 0, 'sub/x'],
        ['top/same', 'File', '755', 0, 0, 'in sub'],
        ['top/sub/', 'Directory', '755', 0, 0, ''],
        ['top/sub/x', 'File', '755', 0, 0, 'in sub'],
      ]);
    });
  });

  test('has a media type and annotations of its own, and leaves out what is not wanted', async () => {
    await put('site/a.js');
    await put('site/a.js.map');
    const site = { path: join(folder(), 'site'), mediaType: 'application/x-site', annotations: { k: 'v' } };
    const files = [{ ...site, title: 'www/site', exclude: ['*.map'] }];
    await opened({ files }, async ({ blobs: [, layer] }) => {
      expect(layer?.descriptor).toMatchObject({ mediaType: 'application/x-site', annotations: { k: 'v' } });
      const tar = gunzipSync(await bytesOf(layer!.content));
      expect(listing(tar).map(({ path }) => path)).toEqual(['www/site/', 'www/site/a.js']);
    });
  });

  test('the time of its entries is the one that was asked for', async () => {
    await put('dated/x');
    const time = new Date(86_400_000);
    await opened({ files: [join(folder(), 'dated')] }, readTimes, { time });

    async function readTimes({ blobs: [, layer] }: SourceArtifact): Promise<void> {
      const tar = gunzipSync(await bytesOf(layer!.content));
      expect(new Set(listing(tar).map(({ mtime }) => mtime))).toEqual(new Set([86_400]));
    }
  });

  test.each([
    ['/etc/passwd', 'a'],
    ['../outside', 'a'],
    ['x/../../outside', 'a'],
    ['../../top/inside/../../outside', 'sub/a'],
  ])('a link to %s leads out', async (target, name) => {
    await mkdir(join(folder(), 'top/sub'), { recursive: true });
    await symlink(target, join(folder(), 'top', name));
    await expect(artifactFrom({ files: [join(folder(), 'top')] }).open()).rejects.toMatchObject({
      code: 'ERR_SOURCE_ENTRY',
      message: `Cannot put "top/${name}" into an artifact: it is a link to ${JSON.stringify(target)}, which leads out of the folder`,
    });
  });

  test('a name that is no UTF-8 is refused', async () => {
    await put('odd/fine');
    await writeFile(Buffer.concat([Buffer.from(`${folder()}/odd/n`), Buffer.from([0xff])]), '');
    await expect(artifactFrom({ files: [join(folder(), 'odd')] }).open()).rejects.toMatchObject({
      code: 'ERR_SOURCE_ENTRY',
      message: expect.stringContaining('its name is no UTF-8'),
    });
  });
});

describe('titles', () => {
  test('a path that is absolute or leads out is called by its last name', async () => {
    const path = await put('deep/in/file.json');
    expect(await titlesOf({ files: [path] })).toEqual(['file.json']);
    expect(await titlesOf({ files: [join(folder(), 'deep/in/')] })).toEqual(['in']);
  });

  test.each([
    ['../up', 'it leads out with ".."'],
    ['a/../../b', 'it leads out with ".."'],
    [String.raw`a\..\..\b`, 'it leads out with ".."'],
    ['/etc/passwd', 'a title is a relative path'],
    [String.raw`C:\x`, 'a title is a relative path'],
    ['a\0b', 'a name cannot hold a zero byte'],
    ['\ud800', 'its name is no valid Unicode'],
    ['./', 'it would have no name'],
  ])('%j is none', async (wanted, why) => {
    await expect(artifactFrom({ files: [{ title: wanted, content: 'x' }] }).open()).rejects.toMatchObject({
      code: 'ERR_SOURCE_TITLE',
      message: `Cannot put ${JSON.stringify(wanted === './' ? '.' : wanted)} into an artifact: ${why}`,
    });
  });

  test.each([
    [['a', './a'], 'the artifact has it twice'],
    [['a', 'a/b'], '"a", above it, is a file'],
  ])('%j get in each other’s way', async (titles, why) => {
    const files = titles.map((one) => ({ title: one, content: one }));
    await expect(artifactFrom({ files }).open()).rejects.toMatchObject({
      code: 'ERR_SOURCE_TITLE',
      message: expect.stringContaining(why),
    });
  });
});

describe('files', () => {
  test('one that is empty, one behind a link, and content that is read each time', async () => {
    const empty = await put('empty', '');
    await symlink(await put('target', 'linked'), join(folder(), 'link'));
    const files = [empty, join(folder(), 'link'), { title: 'c', content: contentOf(new Uint8Array(3)) }];
    await opened({ files }, async ({ blobs: [, ...layers] }) => {
      const read = await Promise.all(layers.map(async ({ content }) => (await bytesOf(content)).toString()));
      expect(read).toEqual(['', 'linked', '\0\0\0']);
    });
  });

  test('what is missing is told before anything is read', async () => {
    let isRead = false;
    const content = {
      size: 1,
      async *open() {
        isRead = true;
        yield new Uint8Array(1);
      },
    };
    const files = [{ title: 'read', content }, join(folder(), 'absent')];
    await expect(artifactFrom({ files }).open()).rejects.toMatchObject({ code: 'ERR_SOURCE_NOT_FOUND' });
    const config = join(folder(), 'absent.json');
    await expect(artifactFrom({ files: files.slice(0, 1), config }).open()).rejects.toMatchObject({
      code: 'ERR_SOURCE_NOT_FOUND',
      message: expect.stringContaining('absent.json'),
    });
    expect(isRead).toBe(false);
  });

  test('a pipe is no file, and a folder no config', async () => {
    execFileSync('mkfifo', [join(folder(), 'pipe')]);
    await expect(artifactFrom({ files: [join(folder(), 'pipe')] }).open()).rejects.toMatchObject({
      code: 'ERR_SOURCE_ENTRY',
      message: expect.stringContaining('it is a pipe'),
    });
    await expect(artifactFrom({ config: folder() }).open()).rejects.toMatchObject({ code: 'ERR_SOURCE_ENTRY' });
  });

  test('one that may not be read says so', async () => {
    const path = await put('secret');
    await chmod(folder(), 0o755);
    await chmod(path, 0);
    await asNobody(async () => {
      await expect(artifactFrom({ files: [path] }).open()).rejects.toMatchObject({ code: 'ERR_SOURCE_UNREADABLE' });
    });
  });

  test.each<[string, (path: string) => Promise<void>]>([
    ['is longer', (path) => writeFile(path, 'longer than before')],
    ['was written to', (path) => writeFile(path, 'other')],
    ['is another', async (path) => await rename(await put('another', 'plain'), path)],
    ['is gone', (path) => rename(path, `${path}.moved`)],
  ])('one that %s when it is sent ends the reading', async (_, change) => {
    const path = await put('changing', 'plain');
    await utimes(path, 1, 1);
    await opened({ files: [path] }, async ({ blobs: [, layer] }) => {
      await change(path);
      await expect(bytesOf(layer!.content)).rejects.toMatchObject({ code: 'ERR_SOURCE_CHANGED' });
    });
  });

  test('a tar that cannot be written down says where, and leaves nothing', async () => {
    await put('packed/x');
    const spoolFolder = join(folder(), 'absent');
    await expect(artifactFrom({ files: [join(folder(), 'packed')] }).open({ spoolFolder })).rejects.toMatchObject({
      code: 'ERR_SOURCE_SPOOL',
      message: expect.stringContaining('the tar of \\"packed\\"'),
    });
    await expect(stat(spoolFolder)).rejects.toThrow();
  });

  test('an abort ends it with its reason', async () => {
    const reason = new Error('enough');
    await expect(artifactFrom({ files: [hello] }).open({ signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  });
});

test.each<[string, unknown]>([
  ['parts', undefined],
  ['parts.files', {}],
  ['parts.files', { files: [] }],
  ['parts.files', { files: [5] }],
  ['parts.files', { files: [''] }],
  ['parts.files[0]', { files: [{}] }],
  ['parts.files[0]', { files: [{ path: 'a', content: 'b', title: 'c' }] }],
  ['parts.files[0].title', { files: [{ content: 'b' }] }],
  ['parts.files[0].mediaType', { files: [{ path: 'a', mediaType: 'text' }] }],
  ['parts.files[0].annotations', { files: [{ path: 'a', annotations: { [title]: 'b' } }] }],
  ['parts.artifactType', { files: ['a'], artifactType: 'sbom' }],
  ['parts.config', { files: ['a'], config: 5 }],
  ['parts.config.mediaType', { files: ['a'], config: { path: 'a', mediaType: 'b' } }],
  ['parts.annotations', { files: ['a'], annotations: { k: 5 } }],
  ['parts.annotations', { files: ['a'], annotations: { '': 'v' } }],
  ['parts.annotations', { files: ['a'], annotations: { k: '\ud800' } }],
  [
    'parts.annotations["org.opencontainers.image.created"]',
    { files: ['a'], annotations: { 'org.opencontainers.image.created': 'yesterday' } },
  ],
  ['parts.subject', { files: ['a'], subject: {} }],
  ['parts.subject', { files: ['a'], subject: { mediaType: 'a/b', digest: 'sha256:1', size: 1 } }],
])('%s is refused at once: %j', (argument, parts) => {
  expect(() => artifactFrom(parts as ArtifactParts)).toThrow(
    expect.objectContaining({ code: 'ERR_ARGUMENT', argument }),
  );
});
