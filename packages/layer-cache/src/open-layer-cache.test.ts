import { mkdir, mkdtemp, readdir, readFile, rm, stat, truncate, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ByteStream, type Digest, digestBytes, digestStream, encodedOf, type OpenOptions } from '@slipway/digest';
import { openRecordBook } from '@slipway/record-book';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { LayerCacheError } from './errors.ts';
import type { CachedLayer, LayerCache } from './layer-cache.ts';
import { type LayerCacheOptions, openLayerCache, openLayerCacheWith } from './open-layer-cache.ts';
import { defaultPorts, type SpoolFile } from './spool-file.ts';
import { createTemporaryLayerCache } from './temporary-layer-cache.ts';

const recipe = 'gzip; level 6';
const names = [...'abcdef'];
const idOf = (name: string): Digest => digestBytes(new TextEncoder().encode(name));
const diffID = idOf('a');
let root: string;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'slipway-disk-cache-'));
});

afterAll(async () => {
  await rm(root, { recursive: true, force: true });
});

const newFolder = () => mkdtemp(join(root, 'cache-'));

/** A cache whose clock moves on by a second with every look at it. */
async function openTicking(options: LayerCacheOptions): Promise<LayerCache & AsyncDisposable> {
  let now = 1_700_000_000_000;
  return await openLayerCacheWith(options, {
    ...defaultPorts,
    now: () => {
      now += 1_000;
      return now;
    },
  });
}

async function put(cache: LayerCache, id: Digest, name: string, bytes: Uint8Array): Promise<CachedLayer> {
  await using writer = await cache.begin(id, name);
  await writer!.append(bytes);
  return await writer!.commit({ digest: digestBytes(bytes), size: bytes.byteLength });
}

/** Which of the layers `a` to `f` are recorded; looking is not using. */
async function held(folder: string): Promise<string> {
  await using book = await openRecordBook({ folder: join(folder, 'index') });
  const keys = new Set(await book.list('layers'));
  return names.filter((name) => keys.has(`${idOf(name)} ${recipe}`)).join('');
}

/** Writes what is recorded of the layer `a`. */
async function record(folder: string, text: string): Promise<void> {
  await using book = await openRecordBook({ folder: join(folder, 'index') });
  await book.set('layers', `${diffID} ${recipe}`, bytesOf(text));
}

describe('the files of the cache', () => {
  test('are the bytes of each layer by their digest, and one index', async () => {
    const folder = await newFolder();
    await using cache = await openLayerCache({ folder });
    const { digest } = await put(cache, diffID, recipe, bytesOf('compressed'));
    expect(await readFile(join(folder, 'blobs/sha256', encodedOf(digest)), 'utf8')).toBe('compressed');
    expect((await readdir(folder)).sort()).toEqual(['blobs', 'index', 'partial']);
    expect(await readdir(join(folder, 'index'))).toEqual(['journal']);
    expect(await readdir(join(folder, 'partial'))).toEqual([]);
  });

  test('outlive the process', async () => {
    const folder = await newFolder();
    {
      await using cache = await openLayerCache({ folder });
      await put(cache, diffID, recipe, bytesOf('compressed'));
    }
    await using cache = await openLayerCache({ folder });
    const layer = await cache.find(diffID, recipe);
    expect(await textOf(reading(layer!, { from: 4 }))).toBe('ressed');
  });

  test('a writer that gives up removes its partial file', async () => {
    const folder = await newFolder();
    await using cache = await openLayerCache({ folder });
    {
      await using writer = await cache.begin(diffID, recipe);
      await writer!.append(bytesOf('half'));
      expect(await readdir(join(folder, 'partial'))).toHaveLength(1);
    }
    expect(await readdir(join(folder, 'partial'))).toEqual([]);
  });

  test('partial files that nobody wrote to for a day are removed when opening', async () => {
    const folder = await newFolder();
    await mkdir(join(folder, 'partial'));
    for (const [name, time] of [
      ['old', 1_699_000_000],
      ['young', 1_700_000_000],
    ] as const) {
      await writeFile(join(folder, 'partial', name), '');
      await utimes(join(folder, 'partial', name), time, time);
    }
    await using _cache = await openTicking({ folder });
    expect(await readdir(join(folder, 'partial'))).toEqual(['young']);
  });

  test.skipIf(process.platform === 'win32')('are for their owner alone', async () => {
    const folder = join(await newFolder(), 'made');
    await using cache = await openLayerCache({ folder });
    const { digest } = await put(cache, diffID, recipe, bytesOf('compressed'));
    const modeOf = async (path: string) => (await stat(join(folder, path))).mode & 0o777;
    expect(await modeOf(`blobs/sha256/${encodedOf(digest)}`)).toBe(0o600);
    expect(await modeOf('blobs')).toBe(0o700);
    expect(await modeOf('index')).toBe(0o700);
    expect(await modeOf('index/journal')).toBe(0o600);
  });
});

describe('above its size, the cache', () => {
  test('lets the least recently used layers go first', async () => {
    const folder = await newFolder();
    await using cache = await openTicking({ folder, maxBytes: 30 });
    for (const name of 'abc') await put(cache, idOf(name), recipe, bytesOf(name.repeat(10)));
    expect(await held(folder)).toBe('abc');
    await cache.find(idOf('a'), recipe);
    await put(cache, idOf('d'), recipe, bytesOf('d'.repeat(10)));
    expect(await held(folder)).toBe('acd');
    await put(cache, idOf('e'), recipe, bytesOf('e'.repeat(20)));
    expect(await held(folder)).toBe('de');
    expect(await readdir(join(folder, 'blobs/sha256'))).toHaveLength(2);
  });

  test('keeps the layer that was just made, even if it is too large by itself', async () => {
    const folder = await newFolder();
    await using cache = await openTicking({ folder, maxBytes: 5 });
    const layer = await put(cache, idOf('a'), recipe, bytesOf('a'.repeat(10)));
    expect(await textOf(reading(layer))).toBe('a'.repeat(10));
    await put(cache, idOf('b'), recipe, bytesOf('b'));
    expect(await held(folder)).toBe('b');
  });

  test('keeps a blob as long as the youngest of its entries is young', async () => {
    const folder = await newFolder();
    await using cache = await openTicking({ folder, maxBytes: 20 });
    await put(cache, idOf('a'), recipe, bytesOf('shared    '));
    await put(cache, idOf('b'), recipe, bytesOf('bbbbbbbbbb'));
    await put(cache, idOf('c'), recipe, bytesOf('shared    '));
    await put(cache, idOf('d'), recipe, bytesOf('dddddddddd'));
    expect(await held(folder)).toBe('acd');
  });

  test('takes a layer away from nobody who holds a copy, of one that is kept or one that is being written', async () => {
    const folder = await newFolder();
    await using cache = await openTicking({ folder, maxBytes: 10 });
    const text = 'a'.repeat(10);
    const writer = await cache.begin(idOf('a'), recipe);
    await writer!.append(bytesOf(text));
    await using early = await writer!.open();
    const layer = await writer!.commit({ digest: digestBytes(bytesOf(text)), size: 10 });
    await using late = await writer!.open();
    await using kept = await layer.open();
    await writer![Symbol.asyncDispose]();
    await using afterwards = await writer!.open();
    await put(cache, idOf('b'), recipe, bytesOf('b'.repeat(10)));
    expect(await held(folder)).toBe('b');
    for (const copy of [early, late, kept, afterwards]) {
      expect(await textOf(copy.read())).toBe(text);
      expect(await textOf(copy.read({ from: 7 }))).toBe('aaa');
    }
    await expect(layer.open()).rejects.toMatchObject({ code: 'ERR_CACHE_READ', cause: { code: 'ENOENT' } });
    for (const copy of [early, late, afterwards]) await copy[Symbol.asyncDispose]();
    await expect(writer!.open()).rejects.toMatchObject({ code: 'ERR_CACHE_READ' });
  });

  test('a copy that was given back is of no use', async () => {
    await using cache = await openTicking({ folder: await newFolder() });
    await using writer = await cache.begin(idOf('a'), recipe);
    await writer!.append(bytesOf('a'));
    const growing = await writer!.open();
    const layer = await writer!.commit({ digest: idOf('a'), size: 1 });
    const kept = await layer.open();
    for (const copy of [growing, kept]) {
      await copy[Symbol.asyncDispose]();
      await copy[Symbol.asyncDispose]();
      await expect(textOf(copy.read())).rejects.toThrow(TypeError);
    }
  });

  test('of no bytes is switched off, and makes no folder', async () => {
    const folder = join(await newFolder(), 'none');
    await using cache = await openLayerCache({ folder, maxBytes: 0 });
    expect(await cache.begin(diffID, recipe)).toBeUndefined();
    expect(await cache.find(diffID, recipe)).toBeUndefined();
    await expect(stat(folder)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  test.each([-1, Number.NaN])('a size of %s is refused', async (maxBytes) => {
    await expect(openLayerCache({ folder: root, maxBytes })).rejects.toThrow(RangeError);
  });
});

describe('what is damaged', () => {
  test('is read as it is, as its reader compares it with its digest, and removed when that says so', async () => {
    const folder = await newFolder();
    await using cache = await openLayerCache({ folder });
    const layer = await put(cache, diffID, recipe, bytesOf('compressed'));
    const blob = join(folder, 'blobs/sha256', encodedOf(layer.digest));
    await writeFile(blob, 'compRessed');
    expect(await textOf(reading(layer))).toBe('compRessed');
    await cache.remove(diffID, recipe);
    expect(await cache.find(diffID, recipe)).toBeUndefined();
    expect(await held(folder)).toBe('');
    await expect(stat(blob)).rejects.toMatchObject({ code: 'ENOENT' });
    await cache.remove(diffID, recipe); // is gone already
  });

  test.each<[string, (blob: string) => Promise<void>, string]>([
    ['too short', (blob) => truncate(blob, 5), 'ERR_CACHE_READ'],
    ['too long', (blob) => writeFile(blob, 'compressed and more'), 'compressed'],
    ['gone', (blob) => rm(blob), 'ERR_CACHE_READ'],
    ['a folder', (blob) => rm(blob).then(() => mkdir(blob)), 'ERR_CACHE_READ'],
  ])('a blob that is %s is not found, and its readers get no more than it had', async (_rule, damage, outcome) => {
    const folder = await newFolder();
    await using cache = await openLayerCache({ folder });
    const layer = await put(cache, diffID, recipe, bytesOf('compressed'));
    const blob = join(folder, 'blobs/sha256', encodedOf(layer.digest));
    await damage(blob);
    await using other = await openLayerCache({ folder });
    expect(await other.find(diffID, recipe)).toBeUndefined();
    expect(await held(folder)).toBe('');
    expect(await textOf(reading(layer)).catch((error: LayerCacheError) => error.code)).toBe(outcome);
    await rm(blob, { recursive: true, force: true });
    await put(cache, diffID, recipe, bytesOf('compressed'));
    expect(await other.find(diffID, recipe)).toMatchObject({ digest: layer.digest });
  });

  test.each([
    ['no JSON', '{'],
    ['no object', 'null'],
    ['without a digest', JSON.stringify({ digest: 'x', size: 1, usedAt: 1 })],
    ['without a time', JSON.stringify({ digest: diffID, size: 10 })],
    ['with notes that are none', JSON.stringify({ digest: diffID, size: 10, usedAt: 1, notes: { annotations: 1 } })],
    ['far too long', ' '.repeat(70_000)],
  ])('an entry that is %s is not found, and replaced by the next layer', async (_rule, text) => {
    const folder = await newFolder();
    await using cache = await openLayerCache({ folder });
    await put(cache, diffID, recipe, bytesOf('compressed'));
    await record(folder, text);
    expect(await cache.find(diffID, recipe)).toBeUndefined();
    await put(cache, diffID, recipe, bytesOf('compressed'));
    expect(await cache.find(diffID, recipe)).toMatchObject({ size: 10 });
  });

  test('an index of noise, or cut off in the middle, loses what it had there, and goes on', async () => {
    const folder = await newFolder();
    const journal = join(folder, 'index/journal');
    {
      await using cache = await openLayerCache({ folder });
      await put(cache, diffID, recipe, bytesOf('compressed'));
      await put(cache, idOf('b'), recipe, bytesOf('bbb'));
    }
    await truncate(journal, (await stat(journal)).size - 5);
    {
      await using cache = await openLayerCache({ folder });
      expect(await cache.find(idOf('b'), recipe)).toBeUndefined();
      expect(await cache.find(diffID, recipe)).toMatchObject({ size: 10 });
      await put(cache, idOf('b'), recipe, bytesOf('bbb'));
    }
    await using again = await openLayerCache({ folder });
    expect(await again.find(idOf('b'), recipe)).toMatchObject({ size: 3 });
    await writeFile(
      journal,
      Uint8Array.from({ length: 5_000 }, (_, at) => (at * at) % 251),
    );
    await using cache = await openLayerCache({ folder });
    expect(await cache.find(diffID, recipe)).toBeUndefined();
    await put(cache, diffID, recipe, bytesOf('compressed'));
    expect(await held(folder)).toBe('a');
  });
});

describe('where nothing can be written', () => {
  /** A disk with room for so many bytes. */
  const fullAfter =
    (room: number) =>
    async (path: string): Promise<SpoolFile> => {
      const file = await defaultPorts.createFile(path);
      return {
        writev: async (pieces, position) => {
          const length = pieces.reduce((sum, { byteLength }) => sum + byteLength, 0);
          if (position + length > room)
            throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
          return await file.writev([pieces[0]!.subarray(0, 3)], position); // and in small bites
        },
        read: (bytes, offset, length, position) => file.read(bytes, offset, length, position),
        close: () => file.close(),
      };
    };

  test('a full disk fails writer and readers with one code, one warning, and nothing left behind', async () => {
    const folder = await newFolder();
    const warnings: LayerCacheError[] = [];
    const options = { folder, onWarning: (warning: LayerCacheError) => void warnings.push(warning) };
    const ports = { ...defaultPorts, createFile: fullAfter(10), memory: { bytes: 0, mostOfOne: 0 } };
    await using cache = await openLayerCacheWith(options, ports);
    for (let i = 0; i < 2; i += 1) {
      await using writer = await cache.begin(diffID, recipe);
      const read: string[] = [];
      const all = (async () => {
        for await (const chunk of reading(writer!)) read.push(new TextDecoder().decode(chunk));
      })();
      const failed = expect(all).rejects.toMatchObject({ code: 'ERR_CACHE_WRITE' });
      await writer!.append(bytesOf('12345678'));
      await expect(writer!.append(bytesOf('9abc'))).rejects.toMatchObject({ code: 'ERR_CACHE_WRITE' });
      await expect(writer!.append(bytesOf('d'))).rejects.toMatchObject({ code: 'ERR_CACHE_WRITE' });
      await failed;
      expect(read.join('')).toBe('12345678');
    }
    expect(warnings.map(({ code, message }) => `${code} ${message}`)).toEqual([
      'ERR_CACHE_WRITE Cannot keep the compressed layer: ENOSPC: no space left on device, write',
    ]);
    expect(await readdir(join(folder, 'partial'))).toEqual([]);
    expect(await cache.find(diffID, recipe)).toBeUndefined();
  });

  test('a folder that cannot be made takes nothing, finds nothing, and warns once', async () => {
    const file = join(await newFolder(), 'file');
    await writeFile(file, '');
    const warnings: string[] = [];
    await using cache = await openLayerCache({
      folder: join(file, 'x'),
      onWarning: ({ code }) => void warnings.push(code),
    });
    expect(await cache.begin(diffID, recipe)).toBeUndefined();
    expect(await cache.find(diffID, recipe)).toBeUndefined();
    expect(warnings).toEqual(['ERR_CACHE_WRITE']);
  });

  test('a layer that cannot be committed does not fail its readers', async () => {
    const folder = await newFolder();
    await using cache = await openLayerCache({ folder });
    await using writer = await cache.begin(diffID, recipe);
    const bytes = bytesOf('compressed');
    await writer!.append(bytes);
    const all = textOf(reading(writer!));
    await rm(join(folder, 'partial'), { recursive: true });
    await expect(writer!.commit({ digest: digestBytes(bytes), size: 10 })).rejects.toMatchObject({
      code: 'ERR_CACHE_WRITE',
    });
    expect(await all).toBe('compressed');
  });

  test('a layer held in memory ends well for its readers when the disk turns out to be full', async () => {
    const folder = await newFolder();
    const warnings: string[] = [];
    const options = { folder, onWarning: ({ code }: LayerCacheError) => void warnings.push(code) };
    await using cache = await openLayerCacheWith(options, { ...defaultPorts, createFile: fullAfter(5) });
    {
      await using writer = await cache.begin(diffID, recipe);
      const bytes = bytesOf('compressed');
      const all = textOf(reading(writer!));
      await writer!.append(bytes);
      await expect(writer!.commit({ digest: digestBytes(bytes), size: 10 })).rejects.toMatchObject({
        code: 'ERR_CACHE_WRITE',
      });
      expect(await all).toBe('compressed');
      expect(await textOf(reading(writer!, { from: 4 }))).toBe('ressed');
    }
    expect(warnings).toEqual(['ERR_CACHE_WRITE']);
    expect(await readdir(join(folder, 'partial'))).toEqual([]);
  });

  test('a temporary cache without its folder takes nothing, and warns', async () => {
    const warnings: string[] = [];
    const cache = createTemporaryLayerCache({
      folder: join(root, 'absent'),
      onWarning: ({ code }) => void warnings.push(code),
    });
    expect(await cache.begin(diffID, recipe)).toBeUndefined();
    await cache[Symbol.asyncDispose]();
    expect(warnings).toEqual(['ERR_CACHE_WRITE']);
  });
});

describe('what is known of layers', () => {
  const minute = 60_000;

  /** A cache whose clock stands where it is told to. */
  async function openAt(clock: { now: number }, options: LayerCacheOptions): Promise<LayerCache & AsyncDisposable> {
    return await openLayerCacheWith(options, { ...defaultPorts, now: () => clock.now });
  }

  test('is written once for all that comes together, and known here at once', async () => {
    const folder = await newFolder();
    const cache = await openLayerCache({ folder, gatherMs: 600_000 });
    for (const name of 'abc') await put(cache, idOf(name), recipe, bytesOf(name));
    expect(await cache.find(idOf('b'), recipe)).toMatchObject({ size: 1 });
    await cache.remove(idOf('a'), recipe);
    expect(await cache.find(idOf('a'), recipe)).toBeUndefined();
    await using other = await openLayerCache({ folder });
    expect(await other.find(idOf('b'), recipe)).toBeUndefined();
    expect(await held(folder)).toBe('');
    await cache[Symbol.asyncDispose]();
    expect(await held(folder)).toBe('bc');
    expect(await other.find(idOf('b'), recipe)).toMatchObject({ size: 1 });
  });

  test('does not wait where making the layer took long', async () => {
    const folder = await newFolder();
    await using cache = await openLayerCache({ folder, gatherMs: 600_000 });
    await put(cache, idOf('a'), recipe, bytesOf('a'));
    await put(cache, idOf('b'), recipe, new Uint8Array(5 * 1024 * 1024));
    await expect.poll(() => held(folder)).toBe('ab');
  });

  test('has the last use, of ten minutes ago at most, for other processes too', async () => {
    const folder = await newFolder();
    const clock = { now: 1_700_000_000_000 };
    const journal = async () => (await stat(join(folder, 'index/journal'))).size;
    {
      await using cache = await openAt(clock, { folder });
      for (const name of 'abc') await put(cache, idOf(name), recipe, bytesOf(name.repeat(10)));
      const before = await journal();
      clock.now += 9 * minute;
      await cache.find(idOf('a'), recipe);
      expect(await journal()).toBe(before);
      clock.now += minute;
      await cache.find(idOf('a'), recipe);
      const after = await journal();
      expect(after).toBeGreaterThan(before);
      await cache.find(idOf('a'), recipe);
      expect(await journal()).toBe(after);
    }
    await using cache = await openAt(clock, { folder, maxBytes: 30 });
    await put(cache, idOf('d'), recipe, bytesOf('d'.repeat(10)));
    expect(await held(folder)).toBe('acd');
  });

  test('is not forgotten where another process has replaced the layer meanwhile', async () => {
    const folder = await newFolder();
    await using cache = await openLayerCache({ folder, gatherMs: 600_000 });
    const { digest } = await put(cache, diffID, recipe, bytesOf('compressed'));
    await cache.find(diffID, recipe);
    await using other = await openLayerCache({ folder });
    await put(other, diffID, recipe, bytesOf('by another program'));
    await rm(join(folder, 'blobs/sha256', encodedOf(digest)));
    expect(await cache.find(diffID, recipe)).toBeUndefined(); // and forgets it, but only that
    await cache[Symbol.asyncDispose]();
    await using third = await openLayerCache({ folder });
    expect(await third.find(diffID, recipe)).toBeUndefined(); // the first was the last to write
    await put(other, diffID, recipe, bytesOf('by another program'));
    expect(await third.find(diffID, recipe)).toMatchObject({ size: 18 });
  });

  test('is forgotten where the bytes are gone, when room is looked for', async () => {
    const folder = await newFolder();
    {
      await using cache = await openLayerCache({ folder });
      for (const name of 'abc') await put(cache, idOf(name), recipe, bytesOf(name));
      await rm(join(folder, 'blobs'), { recursive: true });
    }
    await using cache = await openLayerCache({ folder });
    await put(cache, idOf('d'), recipe, bytesOf('d'));
    expect(await held(folder)).toBe('d');
  });

  test('bytes of which nothing is known count, and go when they are the oldest', async () => {
    const folder = await newFolder();
    await using cache = await openLayerCache({ folder, maxBytes: 25 });
    await put(cache, idOf('a'), recipe, bytesOf('a'.repeat(10)));
    const lost = join(folder, 'blobs/sha256', encodedOf(idOf('lost')));
    await writeFile(lost, 'l'.repeat(10));
    await utimes(lost, 1, 1);
    await put(cache, idOf('b'), recipe, bytesOf('b'.repeat(10)));
    expect(await held(folder)).toBe('ab');
    await put(cache, idOf('c'), recipe, bytesOf('c'.repeat(5)));
    await expect(stat(lost)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  test('stays in memory where the index cannot be used, with one warning', async () => {
    const folder = await newFolder();
    await writeFile(join(folder, 'index'), '');
    const warnings: string[] = [];
    const onWarning = ({ code, message }: LayerCacheError) => void warnings.push(`${code} ${message}`);
    await using cache = await openLayerCache({ folder, onWarning });
    await put(cache, diffID, recipe, bytesOf('compressed'));
    await put(cache, idOf('b'), recipe, bytesOf('b'));
    expect(await cache.find(diffID, recipe)).toMatchObject({ size: 10 });
    expect(warnings).toEqual([
      expect.stringMatching(/^ERR_CACHE_WRITE Cannot keep the compressed layer: Cannot open the index of the layer/),
    ]);
    await using other = await openLayerCache({ folder });
    expect(await other.find(diffID, recipe)).toBeUndefined();
  });

  test('that cannot be written is told once, and stops nothing', async () => {
    const folder = await newFolder();
    const warnings: string[] = [];
    const onWarning = ({ code }: LayerCacheError) => void warnings.push(code);
    await using cache = await openLayerCache({ folder, gatherMs: 600_000, onWarning });
    await put(cache, diffID, recipe, bytesOf('compressed'));
    await rm(join(folder, 'index'), { recursive: true });
    await put(cache, idOf('b'), recipe, bytesOf('b'));
    await cache[Symbol.asyncDispose]();
    expect(warnings).toEqual(['ERR_CACHE_WRITE']);
  });
});

describe('memory for layers that are made', () => {
  /** A cache that counts what it writes and reads of layers' files. */
  async function openCounting(folder: string, memory: { readonly bytes: number; readonly mostOfOne: number }) {
    const count = { writes: 0, reads: 0 };
    const createFile = async (path: string): Promise<SpoolFile> => {
      const file = await defaultPorts.createFile(path);
      return {
        writev(...args) {
          count.writes += 1;
          return file.writev(...args);
        },
        read(...args) {
          count.reads += 1;
          return file.read(...args);
        },
        close: () => file.close(),
      };
    };
    return { count, cache: await openLayerCacheWith({ folder }, { ...defaultPorts, createFile, memory }) };
  }

  test('a small layer is read where it was made, and written once, when it is complete', async () => {
    const folder = await newFolder();
    const { count, cache } = await openCounting(folder, defaultPorts.memory);
    await using _ = cache;
    await using writer = await cache.begin(diffID, recipe);
    const all = textOf(reading(writer!));
    for (const part of ['com', 'pres', 'sed']) await writer!.append(bytesOf(part));
    expect(count).toEqual({ writes: 0, reads: 0 });
    const { digest } = await writer!.commit({ digest: digestBytes(bytesOf('compressed')), size: 10 });
    expect(await all).toBe('compressed');
    expect(count).toEqual({ writes: 1, reads: 0 });
    expect(await readFile(join(folder, 'blobs/sha256', encodedOf(digest)), 'utf8')).toBe('compressed');
  });

  test('a layer that is known to be large is written as it is made', async () => {
    const { count, cache } = await openCounting(await newFolder(), { bytes: 1024 ** 3, mostOfOne: 300_000 });
    await using _ = cache;
    await using small = await cache.begin(diffID, recipe, { plainSize: 1_200_000 });
    await small!.append(bytesOf('small'));
    expect(count.writes).toBe(0);
    await using large = await cache.begin(diffID, recipe, { plainSize: 1_200_001 });
    await large!.append(bytesOf('large'));
    expect(count.writes).toBe(1);
  });

  test('a layer that outgrows its part goes on in its file', async () => {
    const { count, cache } = await openCounting(await newFolder(), { bytes: 1024 ** 3, mostOfOne: 300_000 });
    await using _ = cache;
    await using writer = await cache.begin(diffID, recipe);
    const bytes = Uint8Array.from({ length: 400_000 }, (_, i) => i % 251);
    for (let at = 0; at < bytes.byteLength; at += 100_000) await writer!.append(bytes.subarray(at, at + 100_000));
    expect(count).toEqual({ writes: 2, reads: 0 }); // what was held, and what came after it
    const layer = await writer!.commit({ digest: digestBytes(bytes), size: bytes.byteLength });
    for (const each of [layer, writer!]) {
      const { digest } = await digestStream(reading(each));
      expect(digest).toBe(digestBytes(bytes));
    }
  });

  test('is shared by all layers, and taken again once nobody reads a layer any more', async () => {
    const { count, cache } = await openCounting(await newFolder(), { bytes: 256 * 1024, mostOfOne: 256 * 1024 });
    await using _ = cache;
    const bytes = bytesOf('some');
    {
      await using first = await cache.begin(diffID, recipe);
      await using second = await cache.begin(idOf('b'), recipe);
      await first!.append(bytes);
      await second!.append(bytes);
      expect(count.writes).toBe(1); // the second found none left
    }
    await using third = await cache.begin(idOf('c'), recipe);
    await third!.append(bytes);
    expect(count.writes).toBe(1);
  });
});

describe('several caches on one folder', () => {
  test('may add, find and evict at the same time', async () => {
    const folder = await newFolder();
    await Promise.all(
      [1, 2, 3].map(async (seed) => {
        await using cache = await openLayerCache({ folder, maxBytes: 3_000 });
        for (let round = 0; round < 8; round += 1) {
          const name = names[(round * seed) % names.length]!;
          await put(cache, idOf(name), recipe, bytesOf(name.repeat(1_000)));
          const other = names[(round + seed) % names.length]!;
          const layer = await cache.find(idOf(other), recipe);
          // It may be evicted before it is read, but never be anything else.
          const text = layer && (await textOf(reading(layer)).catch((error: LayerCacheError) => error.code));
          expect([undefined, 'ERR_CACHE_READ', other.repeat(1_000)]).toContain(text);
        }
      }),
    );
    expect(await readdir(join(folder, 'partial'))).toEqual([]);
  });
});

test('a temporary cache makes its folder with the first layer, and removes it in the end', async () => {
  const folder = await newFolder();
  const cache = createTemporaryLayerCache({ folder });
  expect(await readdir(folder)).toEqual([]);
  await put(cache, diffID, recipe, bytesOf('compressed'));
  expect(await readdir(folder)).toHaveLength(1);
  await cache[Symbol.asyncDispose]();
  expect(await readdir(folder)).toEqual([]);
});

function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

async function textOf(stream: ByteStream): Promise<string> {
  let text = '';
  for await (const chunk of stream) text += new TextDecoder().decode(chunk);
  return text;
}

/** Holds a copy for as long as it is read. */
async function* reading(
  layer: Pick<CachedLayer, 'open'>,
  options?: OpenOptions,
): AsyncGenerator<Uint8Array, void, void> {
  await using copy = await layer.open({ signal: options?.signal });
  yield* copy.read(options);
}
