import { execFile } from 'node:child_process';
import { chmod, mkdir, open, readdir, readlink, utimes, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import type { ByteStream } from '@slipway/digest';
import { asNobody, randomImage, writeDockerArchive, writeOciArchive } from '@slipway/testkit';
import { describe, expect, test, vi } from 'vitest';
import type { ImageSource } from '../src/image-source.ts';
import { openSource, SourceError, sourceLimitDefaults } from '../src/index.ts';
import { dockerArchiveOf, soundDocker } from './handmade-image.ts';
import { memberOf, tarOf } from './handmade-tar.ts';
import { bytesOf } from './read-content.ts';
import { temporaryFolder } from './temporary-folder.ts';

const folder = temporaryFolder();
const run = promisify(execFile);

async function written(bytes: Uint8Array | string, name = 'image'): Promise<string> {
  const path = join(folder(), name);
  await writeFile(path, bytes);
  return path;
}

async function* streamOf(bytes: Uint8Array, chunkSize: number): ByteStream {
  for (let at = 0; at < bytes.byteLength; at += chunkSize) yield bytes.subarray(at, at + chunkSize);
}

async function layerOf(source: ImageSource): Promise<Buffer> {
  const [item] = source.items;
  if (item?.kind !== 'image') throw new Error('expected an image');
  return await bytesOf(item.layers[0]!.content!);
}

describe('openSource', () => {
  test('the name of a file says nothing about its content', async () => {
    const path = await written(gzipSync(dockerArchiveOf()), 'image.zip');
    await using source = await openSource(path, { spoolFolder: folder() });
    expect(source.kind).toBe('docker-archive');
    expect((await layerOf(source)).equals(soundDocker.layer)).toBe(true);
  });

  test.each([
    ['no image', tarOf({ name: 'etc/passwd' }), '', 'there is no manifest.json and no index.json at its top'],
    ['no docker archive', tarOf({ name: 'x/y' }), 'docker-archive:', 'there is no manifest.json at its top'],
    ['no OCI archive', tarOf({ name: 'x/y' }), 'oci-archive:', 'there is no index.json at its top'],
    ['an index that is none', tarOf({ name: 'index.json', data: '{}' }), '', '"index.json" in'],
    ['text', Buffer.from('hello'.repeat(500)), '', 'it is not a tar archive'],
    ['nothing', Buffer.alloc(0), '', 'is empty'],
    ['compressed text', gzipSync('hello'.repeat(500)), '', 'it is not a tar archive'],
    ['compressed nothing', gzipSync(''), '', 'there is no manifest.json'],
    [
      'half a compressed archive',
      gzipSync(dockerArchiveOf()).subarray(0, 100),
      '',
      'its compressed data is damaged or cut short',
    ],
    ['a cut archive', dockerArchiveOf().subarray(0, 700), '', 'is truncated'],
  ])('a file with %s is refused', async (_, bytes, transport, reason) => {
    const path = await written(bytes);
    const opening = openSource(`${transport}${path}`, { spoolFolder: folder() });
    const message = expect.stringContaining(reason);
    await expect(opening).rejects.toMatchObject({ code: 'ERR_SOURCE_INVALID', message, origin: 'source' });
    await expect(openSource(`${transport}${path}`)).rejects.toThrow(JSON.stringify(path));
  });

  test.each(['BZh', 'BZh91', '7zXZ'])(
    'an archive that begins with a file called %s is no compressed one',
    async (name) => {
      const path = await written(Buffer.concat([memberOf({ name }), dockerArchiveOf()]));
      await using source = await openSource(path);
      expect(source.items).toHaveLength(1);
    },
  );

  test.each([
    ['bzip2', '425a6839314159265359'],
    ['xz', 'fd377a585a000004e6d6'],
  ])('a file that only begins as %s is refused', async (_tool, magic) => {
    const path = await written(Buffer.from(magic, 'hex'));
    const message = expect.stringContaining('damaged or cut short');
    await expect(openSource(path, { spoolFolder: folder() })).rejects.toMatchObject({
      code: 'ERR_SOURCE_INVALID',
      message,
    });
  });

  test.each([
    ['docker-daemon:alpine', 'docker-daemon'],
    ['docker://alpine', 'docker'],
    ['store:alpine', 'store'],
  ])('%s is left to whoever plugs in an opener', async (text, transport) => {
    const hint = expect.stringContaining(`what opens "${transport}" sources`);
    await expect(openSource(text)).rejects.toMatchObject({ code: 'ERR_SOURCE_UNSUPPORTED', hint });
  });

  test.each([['nothing-here'], ['docker-archive:nothing-here'], ['oci:nothing-here'], ['alpine:latest']])(
    '%s is not found, and the hint names the other transports',
    async (text) => {
      const hint = expect.stringContaining('docker://REF');
      await expect(openSource(text)).rejects.toMatchObject({ code: 'ERR_SOURCE_NOT_FOUND', hint });
    },
  );

  test('a folder that is no layout is refused', async () => {
    const path = join(folder(), 'empty');
    await mkdir(path);
    const message = expect.stringContaining('"index.json" is missing');
    await expect(openSource(path)).rejects.toMatchObject({ code: 'ERR_SOURCE_INVALID', message });
    await expect(openSource(`oci:${path}`)).rejects.toMatchObject({ code: 'ERR_SOURCE_INVALID', message });
  });

  test.each([
    ['docker-archive:', tarOf({ name: 'index.json' }), 'an OCI archive', 'oci-archive:'],
    ['oci-archive:', dockerArchiveOf(), 'a docker archive', 'docker-archive:'],
    ['oci-archive:', tarOf({ name: `${'1'.repeat(64)}/json` }), 'a docker archive', 'docker-archive:'],
  ])('an archive behind %s that another transport opens is told which', async (transport, bytes, kind, right) => {
    const path = await written(bytes);
    await expect(openSource(`${transport}${path}`)).rejects.toMatchObject({
      code: 'ERR_SOURCE_INVALID',
      message: expect.stringContaining(`: it is ${kind}`),
      hint: `Write ${right}${path}, or the path alone`,
    });
    const piped = openSource(`${transport}-`, { stdin: streamOf(bytes, 700), spoolFolder: folder() });
    await expect(piped).rejects.toMatchObject({ hint: `Write ${right}-, or the path alone` });
  });

  test.each([
    ['dir:', { 'oci-layout': '{}', 'index.json': '{}' }, 'oci:'],
    ['dir:', { 'index.json': '{}' }, 'oci:'],
    ['oci:', { 'manifest.json': '{}', version: 'Directory Transport Version: 1.1' }, 'dir:'],
    ['oci:', { 'manifest.json': '{}' }, 'dir:'],
    ['oci:', { 'manifest.json': '[]' }, undefined],
    ['dir:', { 'manifest.json': '[]' }, undefined],
  ])('a folder behind %s that another transport opens is told which: %j', async (transport, files, right) => {
    for (const [name, text] of Object.entries(files)) await written(text, name);
    await expect(openSource(`${transport}${folder()}`)).rejects.toMatchObject({
      code: 'ERR_SOURCE_INVALID',
      message: expect.stringMatching(/^Cannot open .* as .*: it is /),
      hint: right === undefined ? 'Give the path alone' : `Write ${right}${folder()}, or the path alone`,
    });
  });

  test('a folder of nothing is no dir: folder, and the missing file is named', async () => {
    await expect(openSource(`dir:${folder()}`)).rejects.toMatchObject({
      code: 'ERR_SOURCE_INVALID',
      message: expect.stringContaining('"manifest.json" is missing'),
      hint: expect.stringContaining('index.json'),
    });
  });

  test.each(['docker-archive:', 'oci-archive:'])('a folder is no %s', async (transport) => {
    const hint = expect.stringContaining('oci:');
    await expect(openSource(`${transport}${folder()}`)).rejects.toMatchObject({ code: 'ERR_SOURCE_UNSUPPORTED', hint });
  });

  test('a file is no oci: folder', async () => {
    const hint = expect.stringContaining('oci-archive:');
    const opening = openSource(`oci:${await written(dockerArchiveOf())}`);
    await expect(opening).rejects.toMatchObject({ code: 'ERR_SOURCE_UNSUPPORTED', hint });
  });

  test.runIf(process.platform !== 'win32')(
    'a pipe, a socket and a device are refused without waiting for them',
    async () => {
      const fifo = join(folder(), 'fifo');
      await run('mkfifo', [fifo]);
      const server = createServer().listen(join(folder(), 'socket'));
      await new Promise((resolve) => server.once('listening', resolve));
      for (const path of [fifo, join(folder(), 'socket'), '/dev/zero']) {
        const hint = expect.stringContaining('"-"');
        await expect(openSource(path)).rejects.toMatchObject({ code: 'ERR_SOURCE_UNSUPPORTED', hint });
      }
      await new Promise((resolve) => server.close(resolve));
    },
  );

  test('a file that may not be read is named', async () => {
    const path = await written(dockerArchiveOf());
    await chmod(path, 0);
    const message = `Cannot open ${JSON.stringify(path)}: permission denied`;
    await asNobody(() => expect(openSource(path)).rejects.toMatchObject({ code: 'ERR_SOURCE_UNREADABLE', message }));
  });

  test('an abort rejects with its reason', async () => {
    const path = await written(dockerArchiveOf());
    const reason = new Error('enough');
    await expect(openSource(path, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  });

  test('content fails once the source is disposed, or the archive was written to', async () => {
    const path = await written(dockerArchiveOf());
    const source = await openSource(path);
    await utimes(path, 1, 1);
    await expect(layerOf(source)).rejects.toMatchObject({ code: 'ERR_SOURCE_CHANGED' });
    await source[Symbol.asyncDispose]();
    await source[Symbol.asyncDispose]();
    await expect(layerOf(source)).rejects.toMatchObject({ code: 'ERR_SOURCE_CONSUMED' });
  });

  test('no file stays open, whether opening succeeds or fails', async () => {
    const good = await written(gzipSync(dockerArchiveOf()), 'good');
    const bad = await written(gzipSync(tarOf({ name: 'a' })), 'bad');
    const options = { spoolFolder: folder() };
    for (let round = 0; round < 5; round += 1) {
      await using source = await openSource(good, options);
      await layerOf(source);
      expect(await openFilesIn(folder())).toHaveLength(onLinux ? 1 : 0);
      await expect(openSource(bad, options)).rejects.toThrow(SourceError);
      await expect(openSource(`docker-archive:${good}:nothing`, options)).rejects.toThrow(SourceError);
    }
    expect(await openFilesIn(folder())).toEqual([]);
  });

  test('opening an archive reads headers and documents, not layers', async () => {
    const path = join(folder(), 'image.tar');
    const layers = Array.from({ length: 5 }, (_, seed) => ({ seed, size: 2_000_000 }));
    await writeDockerArchive(path, [{ image: await randomImage({ layers }), references: ['app:v1'] }]);
    let bytes = 0;
    await using source = await openSource(path, {
      onRead: ({ length }) => {
        bytes += length;
      },
    });
    expect(source.items).toHaveLength(1);
    expect(bytes).toBeLessThan(64 * 1024);
  });

  test.each([0, -1, 1.5, Number.NaN])('a limit of %d is refused', async (maxEntries) => {
    await expect(openSource('a', { limits: { maxEntries } })).rejects.toThrow(
      'Expected `maxEntries` to be a positive integer',
    );
  });

  test('the limits are those of the documentation', () => {
    expect(sourceLimitDefaults).toEqual({
      maxEntries: 1_000_000,
      maxExtensionBytes: 1_048_576,
      maxNameBytes: 4096,
      maxListBytes: 16_777_216,
      maxDocumentBytes: 8_388_608,
      maxMetadataBytes: 268_435_456,
      maxIndexDepth: 8,
      maxManifests: 100_000,
      maxSpoolBytes: 1024 ** 4,
      maxSpoolRatio: 250,
    });
  });
});

describe('standard input', () => {
  test.each([
    ['in one piece', 1e9, (bytes: Buffer) => bytes],
    ['byte by byte', 1, (bytes: Buffer) => bytes],
    ['compressed, byte by byte', 1, (bytes: Buffer) => gzipSync(bytes)],
    ['compressed, in odd pieces', 777, (bytes: Buffer) => gzipSync(bytes)],
  ])('is opened %s', async (_, chunkSize, pack) => {
    const stdin = streamOf(pack(dockerArchiveOf()), chunkSize);
    await using source = await openSource('-', { stdin, spoolFolder: folder() });
    expect([source.kind, source.name]).toEqual(['docker-archive', 'standard input']);
    expect((await layerOf(source)).equals(soundDocker.layer)).toBe(true);
  });

  test('takes a selector', async () => {
    const stdin = streamOf(dockerArchiveOf(), 4096);
    await expect(openSource('docker-archive:-:nothing', { stdin })).rejects.toMatchObject({
      code: 'ERR_SOURCE_NOT_FOUND',
    });
    await using source = await openSource('docker-archive:-:@0', { stdin: streamOf(dockerArchiveOf(), 4096) });
    expect(source.items).toHaveLength(1);
  });

  test('may be an OCI archive', async () => {
    const path = join(folder(), 'oci.tar');
    await writeOciArchive(path, [{ content: await randomImage(), refName: 'v1' }], { compression: 'zstd' });
    const { createReadStream } = await import('node:fs');
    await using source = await openSource('-', { stdin: createReadStream(path) });
    expect(source.kind).toBe('oci-archive');
  });

  test('can be read once', async () => {
    const stdin = streamOf(dockerArchiveOf(), 4096);
    await using source = await openSource('-', { stdin });
    expect(source.items).toHaveLength(1);
    await expect(openSource('-', { stdin })).rejects.toMatchObject({ code: 'ERR_SOURCE_CONSUMED' });
  });

  test('is no folder', async () => {
    await expect(openSource('oci:-', { stdin: streamOf(Buffer.alloc(0), 1) })).rejects.toMatchObject({
      code: 'ERR_SOURCE_UNSUPPORTED',
    });
  });

  test('that is a terminal is refused', async () => {
    const { isTTY } = process.stdin;
    Object.assign(process.stdin, { isTTY: true });
    const hint = expect.stringContaining('Pipe an archive in');
    await expect(openSource('-')).rejects.toMatchObject({ code: 'ERR_SOURCE_UNREADABLE', hint });
    Object.assign(process.stdin, { isTTY });
  });

  test('that is empty is refused', async () => {
    const opening = openSource('-', { stdin: streamOf(Buffer.alloc(0), 1) });
    await expect(opening).rejects.toMatchObject({ code: 'ERR_SOURCE_INVALID', message: '"standard input" is empty' });
  });

  test('that fails passes its failure on', async () => {
    const broken = new Error('broken pipe');
    async function* stdin(): ByteStream {
      yield dockerArchiveOf().subarray(0, 1000);
      throw broken;
    }
    await expect(openSource('-', { stdin: stdin() })).rejects.toBe(broken);
  });

  test('that hangs is left when the signal aborts', async () => {
    const controller = new AbortController();
    const reason = new Error('enough');
    async function* stdin(): ByteStream {
      yield dockerArchiveOf().subarray(0, 1000);
      controller.abort(reason);
      await new Promise(() => {});
    }
    await expect(openSource('-', { stdin: stdin(), signal: controller.signal })).rejects.toBe(reason);
  });
});

describe('the spool', () => {
  test('is announced once, before it is written, and only for what needs it', async () => {
    const spools: { readonly name: string; readonly path: string }[] = [];
    const options = { spoolFolder: folder(), onSpool: (spool: { name: string; path: string }) => spools.push(spool) };
    await using plain = await openSource(await written(dockerArchiveOf(), 'plain'), options as never);
    expect(plain.items).toHaveLength(1);
    expect(spools).toEqual([]);
    const path = await written(gzipSync(dockerArchiveOf()), 'packed');
    await using packed = await openSource(path, options as never);
    expect(packed.items).toHaveLength(1);
    expect(spools).toEqual([{ name: path, path: expect.stringContaining(folder()) }]);
  });

  test.runIf(process.platform !== 'win32')('is invisible to others while it is used', async () => {
    const spoolFolder = join(folder(), 'spool');
    await mkdir(spoolFolder);
    await using source = await openSource('-', { stdin: streamOf(dockerArchiveOf(), 4096), spoolFolder });
    expect(await readdir(spoolFolder)).toEqual([]);
    expect((await layerOf(source)).equals(soundDocker.layer)).toBe(true);
  });

  test.each([[{ maxSpoolBytes: 1000 }, 'expected at most 1000 bytes']])(
    'more than %o allows is refused as a bomb',
    async (limits, reason) => {
      const stdin = streamOf(dockerArchiveOf(), 4096);
      await expect(openSource('-', { stdin, spoolFolder: folder(), limits })).rejects.toMatchObject({
        code: 'ERR_SOURCE_INVALID',
        message: expect.stringContaining(reason),
        hint: expect.stringContaining('decompress it beforehand'),
      });
    },
  );

  test('asks for a chunk only once the last but one is written', async () => {
    const handle = await open(await written('any'));
    const prototype = Object.getPrototypeOf(handle);
    await handle.close();
    const { write } = prototype;
    let given = 0;
    let onDisk = 0;
    let peak = 0;
    const spy = vi.spyOn(prototype, 'write').mockImplementation(async function (this: unknown, ...args: unknown[]) {
      await new Promise(setImmediate);
      const result = await write.apply(this, args);
      onDisk += result.bytesWritten;
      return result;
    });
    const [archive, chunk] = [dockerArchiveOf(), Buffer.alloc(65_536)];
    async function* stdin(): ByteStream {
      for (let at = 0; at < 100; at += 1) {
        peak = Math.max(peak, given - onDisk);
        const next = at === 0 ? archive : chunk;
        given += next.byteLength;
        yield next;
      }
    }
    await using source = await openSource('-', { stdin: stdin(), spoolFolder: folder() });
    spy.mockRestore();
    expect(source.items).toHaveLength(1);
    expect(onDisk).toBe(given);
    expect(peak).toBeLessThanOrEqual(2 * chunk.byteLength);
  });

  test('a folder that is not there is named, with the way out', async () => {
    const spoolFolder = join(folder(), 'nowhere');
    const opening = openSource('-', { stdin: streamOf(dockerArchiveOf(), 4096), spoolFolder });
    const message = `Cannot write "standard input" to ${JSON.stringify(spoolFolder)}: ENOENT`;
    const hint = expect.stringContaining('Choose another folder with `spoolFolder`');
    await expect(opening).rejects.toMatchObject({ code: 'ERR_SOURCE_SPOOL', message, hint });
  });

  test('a file in the place of the folder is named, and nothing is said of space', async () => {
    const opening = openSource('-', {
      stdin: streamOf(dockerArchiveOf(), 4096),
      spoolFolder: join(await written('any'), 'below'),
    });
    const hint = expect.stringMatching(/^Choose another folder/);
    const message = expect.stringMatching(/: ENOTDIR$/);
    await expect(opening).rejects.toMatchObject({ code: 'ERR_SOURCE_SPOOL', message, hint });
  });

  test('a full disk is named, with what is free and the way out', async () => {
    const handle = await open(await written('any'));
    const prototype = Object.getPrototypeOf(handle);
    await handle.close();
    const full = Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
    const write = vi.spyOn(prototype, 'write').mockRejectedValueOnce(full);
    const opening = openSource('-', { stdin: streamOf(dockerArchiveOf(), 4096), spoolFolder: folder() });
    const message = `Cannot write "standard input" to ${JSON.stringify(folder())}: the disk is full`;
    const hint = expect.stringMatching(/^\d+ MiB are free there. Choose another folder/);
    await expect(opening).rejects.toMatchObject({ code: 'ERR_SOURCE_SPOOL', message, hint, cause: full });
    write.mockRestore();
    expect(await readdir(folder())).toEqual(['image']);
  });

  test('a listener that throws or rejects changes nothing, and no file is left behind', async () => {
    const refusal = new Error('not here');
    const options = {
      stdin: streamOf(dockerArchiveOf(), 4096),
      spoolFolder: folder(),
      onSpool: () => {
        throw refusal;
      },
    };
    await (await openSource('-', options))[Symbol.asyncDispose]();
    const rejecting = { ...options, stdin: streamOf(dockerArchiveOf(), 4096), onSpool: () => Promise.reject(refusal) };
    await (await openSource('-', rejecting))[Symbol.asyncDispose]();
    expect(await readdir(folder())).toEqual([]);
  });
});

const onLinux = process.platform === 'linux';

/** The paths of open files in a folder. Others are not counted: a thread that ends meanwhile has descriptors too. */
async function openFilesIn(folder: string): Promise<string[]> {
  if (!onLinux) return [];
  const descriptors = await readdir('/proc/self/fd');
  const paths = await Promise.all(descriptors.map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => '')));
  return paths.filter((path) => path.startsWith(folder));
}
