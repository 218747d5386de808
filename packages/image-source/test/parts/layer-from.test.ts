import { execFile } from 'node:child_process';
import { appendFile, chmod, link, lstat, mkdir, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import { contentOf, digestBytes } from '@slipway/digest';
import { findTool } from '@slipway/testkit';
import { afterEach, describe, expect, test } from 'vitest';
import { type LayerOptions, layerFrom, type OpenedLayer, sourceDateEpoch } from '../../src/index.ts';
import { bytesOf } from '../read-content.ts';
import { temporaryFolder } from '../temporary-folder.ts';
import { listing, type TarMember } from './listing.ts';

const run = promisify(execFile);
const folder = temporaryFolder();
const opened: OpenedLayer[] = [];
afterEach(async () => {
  for (const layer of opened.splice(0)) await layer[Symbol.asyncDispose]();
});

async function tarOf(
  source: Parameters<typeof layerFrom>[0],
  options: LayerOptions = {},
  time?: Date,
): Promise<Buffer> {
  const layer = await layerFrom(source, options).open({ time });
  opened.push(layer);
  const bytes = Buffer.from(await bytesOf(layer.layer.content!));
  if (layer.layer.compression === 'none') expect(digestBytes(bytes)).toBe(layer.layer.diffID);
  if (layer.layer.compression === 'none') expect(bytes.byteLength).toBe(layer.size);
  return bytes;
}

async function members(source: Parameters<typeof layerFrom>[0], options: LayerOptions = {}): Promise<TarMember[]> {
  return listing(await tarOf(source, options));
}

/** A folder with a bit of everything, written in an order that no tar should show. */
async function tree(root = join(folder(), 'tree')): Promise<string> {
  await mkdir(join(root, 'b', 'empty'), { recursive: true });
  await writeFile(join(root, 'b', 'z.txt'), 'z');
  await writeFile(join(root, 'b-a'), 'before b/, as bytes are');
  await writeFile(join(root, 'Ä'), 'not ascii');
  await writeFile(join(root, 'run.sh'), '#!/bin/sh\n');
  await writeFile(join(root, '.hidden'), '');
  await writeFile(join(root, 'a'.repeat(120)), 'a long name');
  await mkdir(join(root, 'd'.repeat(90), 'e'.repeat(90)), { recursive: true });
  await writeFile(join(root, 'd'.repeat(90), 'e'.repeat(90), 'f'.repeat(90)), 'a long path');
  await symlink('run.sh', join(root, 'go'));
  await symlink(`/nowhere/${'x'.repeat(150)}`, join(root, 'dangling'));
  await link(join(root, 'run.sh'), join(root, 'b', 'run-too.sh'));
  for (const path of ['b/z.txt', 'b-a', 'Ä', '.hidden', 'a'.repeat(120)]) await chmod(join(root, path), 0o644);
  await chmod(join(root, 'run.sh'), 0o4755);
  for (const path of ['b', 'b/empty', 'd'.repeat(90), `${'d'.repeat(90)}/${'e'.repeat(90)}`])
    await chmod(join(root, path), 0o755);
  await chmod(join(root, 'b', 'empty'), 0o700);
  await chmod(join(root, 'd'.repeat(90), 'e'.repeat(90), 'f'.repeat(90)), 0o600);
  return root;
}

describe('a folder', () => {
  test('comes out to the byte as on every other machine', async () => {
    expect(digestBytes(await tarOf(await tree(), { to: '/app' }))).toBe(
      'sha256:87d08fe808500fdac1c14c553b632d31a3842dbe012fdcfd96422d32e8af4b8f',
    );
  });

  test('is listed in the order of bytes, with owner 0:0, one time, and the modes it has', async () => {
    const found = await members(await tree(), { to: '/app' });
    expect(found.map(({ path }) => path.replace(/\/$/, ''))).toEqual([
      'app',
      'app/.hidden',
      `app/${'a'.repeat(120)}`,
      'app/b',
      'app/b-a',
      'app/b/empty',
      'app/b/run-too.sh',
      'app/b/z.txt',
      'app/dangling',
      `app/${'d'.repeat(90)}`,
      `app/${'d'.repeat(90)}/${'e'.repeat(90)}`,
      `app/${'d'.repeat(90)}/${'e'.repeat(90)}/${'f'.repeat(90)}`,
      'app/go',
      'app/run.sh',
      'app/Ä',
    ]);
    expect(found.every(({ uid, gid, mtime }) => uid === 0 && gid === 0 && mtime === 0)).toBe(true);
    const of = (path: string): TarMember | undefined => found.find((member) => member.path === `app/${path}`);
    expect(of('b/empty/')).toMatchObject({ type: 'Directory', mode: 0o700 });
    expect(of('b/run-too.sh')).toMatchObject({ type: 'File', mode: 0o4755, size: 10 });
    expect(of('run.sh')).toMatchObject({ type: 'Link', linkpath: 'app/b/run-too.sh', size: 0 });
    expect(of('go')).toMatchObject({ type: 'SymbolicLink', linkpath: 'run.sh' });
    expect(of('dangling')).toMatchObject({ type: 'SymbolicLink', linkpath: `/nowhere/${'x'.repeat(150)}` });
  });

  test('is the same whatever the umask, the time and the order in which it was made', async () => {
    const make = async (root: string, umask: number, names: readonly string[]): Promise<string> => {
      const old = process.umask(umask);
      try {
        await mkdir(join(root, 'bin'), { recursive: true });
        for (const name of names) await writeFile(join(root, name), name);
        await chmod(join(root, 'bin', 'run'), 0o755 & ~umask);
        await utimes(join(root, 'a'), umask, umask);
      } finally {
        process.umask(old);
      }
      return root;
    };
    const names = ['a', 'z', 'ñ', 'bin/run'];
    const one = await make(join(folder(), 'one'), 0o022, names);
    const other = await make(join(folder(), 'other'), 0o077, names.toReversed());
    const options: LayerOptions = { to: '/app', mode: 'plain' };
    expect(await tarOf(other, options)).toEqual(await tarOf(one, options));
    expect(await tarOf(other, { to: '/app' })).not.toEqual(await tarOf(one, { to: '/app' }));
  });

  test.runIf(findTool('tar'))('is read back by tar, without a word of complaint', async () => {
    const path = join(folder(), 'layer.tar');
    await writeFile(
      path,
      await tarOf(await tree(), { to: '/app', owner: '1234567890:9', mtime: new Date(86_400_000) }),
    );
    const { stdout, stderr } = await run('tar', ['--utc', '--numeric-owner', '-tvf', path], {
      env: { ...process.env, LC_ALL: 'C.UTF-8' },
    });
    expect(stderr).toBe('');
    expect(stdout).toMatch(/^-rwsr-xr-x 1234567890\/9 +10 1970-01-02 00:00 app\/b\/run-too.sh$/m);
    expect(stdout).toContain('app/run.sh link to app/b/run-too.sh');
    expect(stdout).toContain(`app/dangling -> /nowhere/${'x'.repeat(150)}`);
    expect(stdout).toContain('drwx------');
    expect(stdout).toContain('app/Ä');
    const out = join(folder(), 'out');
    await mkdir(out);
    await run('tar', ['-xf', path, '-C', out, '--no-same-owner']);
    const { stdout: differences } = await run('diff', [
      '-r',
      '--no-dereference',
      join(folder(), 'tree'),
      join(out, 'app'),
    ]);
    expect(differences).toBe('');
    expect((await lstat(join(out, 'app', 'run.sh'))).nlink).toBe(2);
  });

  test('opens at any offset, and in the middle of anything', async () => {
    const layer = await layerFrom(await tree(), { to: 'deep/er' }).open();
    const content = layer.layer.content!;
    const whole = Buffer.from(await bytesOf(content));
    for (let from = 0; from <= whole.byteLength; from += 97) {
      const chunks: Uint8Array[] = [];
      for await (const chunk of content.open({ from })) chunks.push(chunk);
      expect(Buffer.concat(chunks).equals(whole.subarray(from))).toBe(true);
    }
    const beyond = content.open({ from: whole.byteLength + 1 })[Symbol.asyncIterator]();
    await expect(beyond.next()).rejects.toThrow(RangeError);
  });

  test.each<[string, LayerOptions, string[]]>([
    ['by pattern', { include: ['b/**'] }, ['b/', 'b/empty/', 'b/run-too.sh', 'b/z.txt']],
    ['by the name of a folder', { include: ['b'] }, ['b/', 'b/empty/', 'b/run-too.sh', 'b/z.txt']],
    ['by pattern, less another', { include: ['b'], exclude: ['b/e*', '**/*.sh'] }, ['b/', 'b/z.txt']],
    ['dot files as well', { include: ['.*', 'go'] }, ['.hidden', 'go']],
    ['by a function', { include: (path) => path.endsWith('.txt') }, ['b/', 'b/z.txt']],
    ['nothing', { exclude: ['**'] }, []],
    ['with slashes around', { include: ['./b/empty/'] }, ['b/', 'b/empty/']],
    ['"!" means nothing', { include: ['!b'] }, []],
  ])('is chosen from %s', async (_name, options, expected) => {
    expect((await members(await tree(), options)).map(({ path }) => path)).toEqual(expected);
  });

  test('that is empty makes the folder it goes to, or nothing', async () => {
    const empty = join(folder(), 'empty');
    await mkdir(empty);
    expect((await members(empty, { to: 'a/b' })).map(({ path }) => path)).toEqual(['a/', 'a/b/']);
    expect((await tarOf(empty)).byteLength).toBe(1024);
  });

  test.each<[string, LayerOptions, number, number]>([
    ['plain', { mode: 'plain' }, 0o755, 0o644],
    ['a number', { mode: 0o440 }, 0o440, 0o440],
  ])('gets modes of its own: %s', async (_name, options, script, text) => {
    const found = await members(await tree(), { ...options, hardLinks: 'copy' });
    const of = (path: string): TarMember | undefined => found.find((member) => member.path === path);
    expect(of('run.sh')).toMatchObject({ type: 'File', mode: script });
    expect(of('b/run-too.sh')).toMatchObject({ type: 'File', mode: script });
    expect(of('b/z.txt')?.mode).toBe(text);
    expect(of('b/empty/')?.mode).toBe(options.mode === 'plain' ? 0o755 : 0o550);
  });

  test('keeps times and owners where that is wanted', async () => {
    const root = await tree();
    await utimes(join(root, 'b-a'), 5, 1_600_000_000.9);
    const found = await members(root, { mtime: 'keep', owner: 'keep' });
    expect(found.find(({ path }) => path === 'b-a')).toMatchObject({
      mtime: 1_600_000_000,
      uid: process.getuid?.(),
      gid: process.getgid?.(),
    });
  });

  test('takes the time of the image, unless it has one of its own', async () => {
    const time = sourceDateEpoch({ SOURCE_DATE_EPOCH: '1700000000' });
    const found = listing(await tarOf({ a: '' }, {}, time));
    expect(found[0]?.mtime).toBe(1_700_000_000);
    expect(listing(await tarOf({ a: '' }, { mtime: new Date(2500) }, time))[0]?.mtime).toBe(2);
  });

  test('a single file goes to the name, or into the folder, that it is told', async () => {
    const path = join(await tree(), 'run.sh');
    const paths = async (options: LayerOptions): Promise<string[]> => (await members(path, options)).map((m) => m.path);
    expect(await paths({})).toEqual(['run.sh']);
    expect(await paths({ to: '/usr/bin/' })).toEqual(['usr/', 'usr/bin/', 'usr/bin/run.sh']);
    expect(await paths({ to: '/usr/bin/go' })).toEqual(['usr/', 'usr/bin/', 'usr/bin/go']);
  });

  test('a link to a folder is followed at the top only', async () => {
    await symlink(await tree(), join(folder(), 'alias'));
    expect((await members(join(folder(), 'alias'))).length).toBe((await members(join(folder(), 'tree'))).length);
  });
});

describe('what stops a layer', () => {
  test.each<[string, (root: string) => Promise<unknown>, string]>([
    ['a socket', listen, 'it is a socket'],
    ['a name that means a deletion', (root) => writeFile(join(root, '.wh.x'), ''), 'means a deletion'],
    ['a name that is no UTF-8', (root) => writeFile(Buffer.from(`${root}/\xff`, 'latin1'), ''), 'is no UTF-8'],
  ])('%s', async (_name, make, message) => {
    const root = join(folder(), 'odd');
    await mkdir(root);
    await writeFile(join(root, 'good'), '');
    const made = await make(root);
    await expect(layerFrom(root).open()).rejects.toThrow(
      expect.objectContaining({ code: 'ERR_SOURCE_ENTRY', message: expect.stringContaining(message) }),
    );
    expect((await members(root, { include: ['good'] })).map(({ path }) => path)).toEqual(['good']);
    if (made instanceof Object && 'close' in made) (made as { close(): void }).close();
  });

  test.each<[string, (path: string) => Promise<unknown>, string]>([
    ['is written to', (path) => appendFile(path, 'more'), 'its size went from 5 to 9 bytes'],
    ['gets other bytes', (path) => writeFile(path, 'HELLO'), 'it was written to'],
    ['is gone', (path) => rm(path), 'it is not there any more'],
    ['becomes a link', (path) => rm(path).then(() => symlink('/etc/passwd', path)), 'it is not there any more'],
    ['is replaced', replace, 'another file is in its place'],
  ])('a file that %s after the layer was opened', async (_name, change, message) => {
    const root = join(folder(), 'changing');
    await mkdir(root);
    await writeFile(join(root, 'file'), 'hello');
    await utimes(join(root, 'file'), 1, 1);
    const { layer } = await layerFrom(root).open();
    await change(join(root, 'file'));
    await expect(bytesOf(layer.content!)).rejects.toThrow(
      expect.objectContaining({ code: 'ERR_SOURCE_CHANGED', message: expect.stringContaining(message) }),
    );
  });

  test('a folder that is not there', async () => {
    await expect(layerFrom(join(folder(), 'none')).open()).rejects.toThrow(
      expect.objectContaining({ code: 'ERR_SOURCE_NOT_FOUND' }),
    );
  });

  test('an abort, with its own reason', async () => {
    const controller = new AbortController();
    controller.abort(new Error('enough'));
    const root = await tree();
    await expect(layerFrom(root).open({ signal: controller.signal })).rejects.toThrow('enough');
    const { layer } = await layerFrom(root).open();
    const later = new AbortController();
    const reading = layer.content!.open({ signal: later.signal })[Symbol.asyncIterator]();
    later.abort(new Error('enough now'));
    await expect(reading.next()).rejects.toThrow('enough now');
  });
});

describe('files in memory', () => {
  const files = {
    'index.js': 'console.log("ü");\n',
    './bin/run': { content: new Uint8Array([1, 2, 3]), mode: 0o755 },
    '/data': { type: 'folder', mode: 0o1777 },
    current: { type: 'symlink', target: 'bin/run' },
    'a-link': { type: 'hardlink', target: 'index.js' },
    large: contentOf(new Uint8Array(300_000).fill(7)),
  } as const;

  test('come out to the byte as on every other machine', async () => {
    expect(digestBytes(await tarOf(files, { to: '/srv/app', owner: { uid: 1000, gid: 1000 } }))).toBe(
      'sha256:7a3b090dc6717da59cd7e4b3af3a2622d92abae7ac76412bd16f5d89c0d80380',
    );
  });

  test('have modes of their own, and folders that nobody has to mention', async () => {
    const found = await members(files, { to: '/srv/app', owner: '1000:1000' });
    expect(found.map(({ path, type, mode, uid, size }) => [path, type, mode, uid, size])).toEqual([
      ['srv/', 'Directory', 0o755, 0, 0],
      ['srv/app/', 'Directory', 0o755, 1000, 0],
      ['srv/app/a-link', 'File', 0o644, 1000, 19],
      ['srv/app/bin/', 'Directory', 0o755, 1000, 0],
      ['srv/app/bin/run', 'File', 0o755, 1000, 3],
      ['srv/app/current', 'SymbolicLink', 0o777, 1000, 0],
      ['srv/app/data/', 'Directory', 0o1777, 1000, 0],
      ['srv/app/index.js', 'Link', 0o644, 1000, 0],
      ['srv/app/large', 'File', 0o644, 1000, 300_000],
    ]);
    expect(found.find(({ type }) => type === 'Link')?.linkpath).toBe('srv/app/a-link');
  });

  test('a folder that every distribution has keeps its mode when something goes below it', async () => {
    const found = await members({ 'tmp/a': '', 'var/tmp/b': '', 'root/c': '', 'etc/d': '' }, { owner: '5:5' });
    const folders = found.filter(({ type }) => type === 'Directory').map(({ path, mode, uid }) => [path, mode, uid]);
    expect(folders).toEqual([
      ['etc/', 0o755, 0],
      ['root/', 0o700, 0],
      ['tmp/', 0o1777, 0],
      ['var/', 0o755, 0],
      ['var/tmp/', 0o1777, 0],
    ]);
  });

  test('delete what is below them', async () => {
    const found = await members({ 'etc/new': '' }, { remove: ['/etc/motd', 'var/cache/', 'opt'] });
    expect(found.map(({ path }) => path)).toEqual([
      '.wh.opt',
      'etc/',
      'etc/.wh.motd',
      'etc/new',
      'var/',
      'var/cache/',
      'var/cache/.wh..wh..opq',
    ]);
  });

  test.each<[string, object, LayerOptions, string]>([
    ['a path that leads out', { '../x': '' }, {}, 'leads out'],
    ['a folder that leads out', { x: '' }, { to: '/a/../..' }, 'leads out'],
    ['no name', { '/': '' }, {}, 'has no name'],
    ['a zero byte', { 'a\0b': '' }, {}, 'zero byte'],
    ['half a character', { '\ud800': '' }, {}, 'no valid Unicode'],
    ['a path twice', { a: '', './a': '' }, {}, 'there twice'],
    ['a deletion', { 'x/.wh.y': '' }, {}, 'means a deletion'],
  ])('%s is refused at once', (_name, files, options, message) => {
    expect(() => layerFrom(files as never, options)).toThrow(
      expect.objectContaining({ code: 'ERR_SOURCE_ENTRY', message: expect.stringContaining(message) }),
    );
  });

  test.each<[string, object, LayerOptions, string]>([
    ['a file as a folder', { a: '', 'a/b': '' }, {}, '"a", above it, is a file'],
    ['a hard link to nothing', { a: { type: 'hardlink', target: 'b' } }, {}, 'which is no file of this layer'],
    [
      'hard links in a circle',
      { a: { type: 'hardlink', target: 'b' }, b: { type: 'hardlink', target: 'a' } },
      {},
      'is no file',
    ],
    ['what is removed and added', { 'etc/motd': '' }, { remove: ['/etc/motd'] }, 'removes it and adds it'],
    ['the root', { a: '' }, { remove: ['/'] }, 'root of an image'],
  ])('%s is refused', async (_name, files, options, message) => {
    await expect(layerFrom(files as never, options).open()).rejects.toThrow(
      expect.objectContaining({ code: 'ERR_SOURCE_ENTRY', message: expect.stringContaining(message) }),
    );
  });

  test('content that has other bytes than it said is refused', async () => {
    const content = { size: 4, open: () => contentOf(new Uint8Array(3)).open() };
    await expect(layerFrom({ a: content }).open()).rejects.toThrow('has fewer bytes than it said');
    const more = { size: 2, open: () => contentOf(new Uint8Array(3)).open() };
    await expect(layerFrom({ a: more }).open()).rejects.toThrow('has more bytes than it said');
  });
});

describe('a tar', () => {
  const plain = (): Promise<Buffer> => tarOf({ hello: 'world' });

  test('goes as it is, from bytes, content and a stream', async () => {
    const tar = await plain();
    expect(await tarOf(tar)).toEqual(tar);
    expect(await tarOf(contentOf(tar))).toEqual(tar);
    expect(await tarOf(contentOf(tar).open())).toEqual(tar);
  });

  test('that is compressed stays so, and has the diffID of what is in it', async () => {
    const tar = await plain();
    const { layer, size } = await layerFrom(gzipSync(tar)).open();
    expect(layer).toMatchObject({ diffID: digestBytes(tar), compression: 'gzip' });
    expect(size).toBe(tar.byteLength);
    expect(await tarOf(contentOf(gzipSync(tar)).open())).toEqual(tar);
  });

  test('as a stream is read once', async () => {
    const recipe = layerFrom(contentOf(await plain()).open());
    opened.push(await recipe.open());
    await expect(recipe.open()).rejects.toThrow(expect.objectContaining({ code: 'ERR_SOURCE_CONSUMED' }));
  });

  test.each([
    ['text', new TextEncoder().encode('x'.repeat(2000))],
    ['nothing', new Uint8Array(0)],
    ['a gzip of no tar', gzipSync(Buffer.alloc(1000, 1))],
  ])('that is none is refused: %s', async (_name, bytes) => {
    await expect(layerFrom(bytes).open()).rejects.toThrow(expect.objectContaining({ code: 'ERR_SOURCE_INVALID' }));
  });

  test('takes no option that would change it', async () => {
    const tar = await plain();
    expect(() => layerFrom(tar, { to: '/app' })).toThrow(expect.objectContaining({ code: 'ERR_ARGUMENT' }));
    const { history } = await layerFrom(tar, { createdBy: 'make', comment: 'c' }).open();
    expect(history).toEqual({ created: '1970-01-01T00:00:00Z', created_by: 'make', comment: 'c' });
  });
});

test.each([
  ['', undefined],
  [undefined, undefined],
  ['0', new Date(0)],
  ['1700000000', new Date(1_700_000_000_000)],
])('SOURCE_DATE_EPOCH=%s', (text, expected) => {
  expect(sourceDateEpoch({ SOURCE_DATE_EPOCH: text })).toEqual(expected);
});

test.each(['-1', '1.5', 'today', '1e3', '999999999999'])('SOURCE_DATE_EPOCH=%s is refused', (text) => {
  expect(() => sourceDateEpoch({ SOURCE_DATE_EPOCH: text })).toThrow(expect.objectContaining({ code: 'ERR_ARGUMENT' }));
});

async function listen(root: string): Promise<unknown> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(join(root, 'socket'), resolve));
  return server;
}

async function replace(path: string): Promise<void> {
  await rm(path);
  await writeFile(path, 'hello'); // it may get the inode of the one that is gone
  await utimes(path, 1, 1);
}
