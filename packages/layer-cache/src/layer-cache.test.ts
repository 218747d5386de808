import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ByteStream, type Digest, digestBytes, type OpenOptions } from '@slipway/digest';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { CachedLayer, LayerCache, LayerCacheWriter } from './layer-cache.ts';
import { createMemoryLayerCache } from './memory-layer-cache.ts';
import { openLayerCache } from './open-layer-cache.ts';
import { createTemporaryLayerCache } from './temporary-layer-cache.ts';

const diffID = digestBytes(new TextEncoder().encode('the plain layer'));
const recipe = 'gzip; level 6';
let root: string;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'slipway-layer-cache-'));
});

afterAll(async () => {
  await rm(root, { recursive: true, force: true });
});

async function newFolder(): Promise<string> {
  return await mkdtemp(join(root, 'cache-'));
}

describe.each<[string, () => Promise<LayerCache & AsyncDisposable>]>([
  ['memory', async () => createMemoryLayerCache()],
  ['disk', async () => await openLayerCache({ folder: await newFolder() })],
  ['temporary', async () => createTemporaryLayerCache({ folder: await newFolder() })],
])('the %s cache', (_name, open) => {
  test('gives back what was committed, from any offset', async () => {
    await using cache = await open();
    const bytes = pattern(700_000);
    const layer = await put(cache, diffID, recipe, bytes);
    const found = await cache.find(diffID, recipe);
    for (const each of [layer, found]) {
      expect(each).toMatchObject({ digest: digestBytes(bytes), size: bytes.byteLength });
      for (const from of [0, 1, 262_144, 699_999, 700_000]) {
        expectBytes(await collect(reading(each!, { from })), bytes.subarray(from));
      }
    }
  });

  test('gives the same bytes to a reader that is done with each chunk', async () => {
    await using cache = await open();
    const bytes = pattern(1_300_000);
    await using writer = await begin(cache);
    await writer.append(bytes);
    const growing = copied(reading(writer, { from: 5, reuse: true }));
    const layer = await writer.commit({ digest: digestBytes(bytes), size: bytes.byteLength });
    expectBytes(await growing, bytes.subarray(5));
    for (const from of [0, 1, 262_144, 300_000, 1_299_999]) {
      expectBytes(await copied(reading(layer, { from, reuse: true })), bytes.subarray(from));
    }
  });

  test('knows nothing of another recipe or diffID', async () => {
    await using cache = await open();
    await put(cache, diffID, recipe, pattern(10));
    expect(await cache.find(diffID, 'gzip; level 9')).toBeUndefined();
    expect(await cache.find(digestBytes(pattern(1)), recipe)).toBeUndefined();
  });

  test('forgets what it is told to', async () => {
    await using cache = await open();
    await cache.remove(diffID, recipe);
    const layer = await put(cache, diffID, recipe, pattern(10));
    await put(cache, diffID, 'gzip; level 9', pattern(11));
    await using copy = await layer.open();
    await cache.remove(diffID, recipe);
    expect(await cache.find(diffID, recipe)).toBeUndefined();
    expect(await cache.find(diffID, 'gzip; level 9')).toMatchObject({ size: 11 });
    expect(await collect(copy.read())).toEqual(pattern(10));
  });

  test('the last commit counts', async () => {
    await using cache = await open();
    await put(cache, diffID, recipe, pattern(10));
    await put(cache, diffID, recipe, pattern(20));
    expect(await cache.find(diffID, recipe)).toMatchObject({ size: 20 });
  });

  test('an empty layer is a layer', async () => {
    await using cache = await open();
    const layer = await put(cache, diffID, recipe, new Uint8Array());
    expect(await collect(reading(layer))).toEqual(new Uint8Array());
  });

  test('what is not committed leaves nothing behind', async () => {
    await using cache = await open();
    {
      await using writer = await begin(cache);
      await writer.append(pattern(10));
    }
    expect(await cache.find(diffID, recipe)).toBeUndefined();
  });

  test('a slow reader gets every byte of a fast writer', async () => {
    await using cache = await open();
    await using writer = await begin(cache);
    const bytes = pattern(600_000);
    const reader = reading(writer)[Symbol.asyncIterator]();
    const first = reader.next();
    for (const chunk of split(bytes, 50_000)) await writer.append(chunk);
    await writer.commit({ digest: digestBytes(bytes), size: bytes.byteLength });
    const { value } = await first;
    const rest = await collect({ [Symbol.asyncIterator]: () => reader });
    expectBytes(concat(value as Uint8Array, rest), bytes);
  });

  test('a fast reader waits for a slow writer', async () => {
    await using cache = await open();
    await using writer = await begin(cache);
    const reader = reading(writer, { from: 2 })[Symbol.asyncIterator]();
    for (const n of [3, 4, 5]) {
      const next = reader.next(); // before there is anything to read
      await writer.append(new Uint8Array([n, n, n]));
      expect((await next).value).toEqual(new Uint8Array(n === 3 ? [3] : [n, n, n]));
    }
    const end = reader.next();
    await writer.commit({ digest: digestBytes(new Uint8Array([3, 3, 3, 4, 4, 4, 5, 5, 5])), size: 9 });
    expect(await end).toEqual({ done: true, value: undefined });
  });

  test('readers may join late: in the middle, after the commit, after the writer is closed', async () => {
    await using cache = await open();
    const writer = await begin(cache);
    const bytes = pattern(100);
    await writer.append(bytes.subarray(0, 50));
    const middle = collect(reading(writer, { from: 20 }));
    await writer.append(bytes.subarray(50));
    await writer.commit({ digest: digestBytes(bytes), size: 100 });
    const committed = collect(reading(writer, { from: 99 }));
    expect(await middle).toEqual(bytes.subarray(20));
    expect(await committed).toEqual(bytes.subarray(99));
    await writer[Symbol.asyncDispose]();
    expect(await collect(reading(writer, { from: 40 }))).toEqual(bytes.subarray(40));
  });

  test('a reader under way finishes after the writer is closed', async () => {
    await using cache = await open();
    const writer = await begin(cache);
    const bytes = pattern(600_000);
    await writer.append(bytes);
    const reader = reading(writer)[Symbol.asyncIterator]();
    const { value } = await reader.next();
    await writer.commit({ digest: digestBytes(bytes), size: bytes.byteLength });
    await writer[Symbol.asyncDispose]();
    const rest = await collect({ [Symbol.asyncIterator]: () => reader });
    expectBytes(concat(value as Uint8Array, rest), bytes);
  });

  test('readers of a writer that gives up fail, after what was written', async () => {
    await using cache = await open();
    const writer = await begin(cache);
    await writer.append(pattern(5));
    const reader = reading(writer)[Symbol.asyncIterator]();
    expect((await reader.next()).value).toEqual(pattern(5));
    const next = expect(reader.next()).rejects.toMatchObject({ code: 'ERR_CACHE_ABORTED' });
    await writer[Symbol.asyncDispose]();
    await next;
    await expect(collect(reading(writer))).rejects.toMatchObject({ code: 'ERR_CACHE_ABORTED' });
  });

  test('a reader leaves with the reason of its signal, while it waits', async () => {
    await using cache = await open();
    await using writer = await begin(cache);
    const controller = new AbortController();
    const next = reading(writer, { from: 0, signal: controller.signal })[Symbol.asyncIterator]().next();
    const reason = new Error('enough');
    controller.abort(reason);
    await expect(next).rejects.toBe(reason);
  });

  test('an aborted signal ends every call with its reason', async () => {
    await using cache = await open();
    const layer = await put(cache, diffID, recipe, pattern(10));
    const reason = new Error('enough');
    const signal = AbortSignal.abort(reason);
    await expect(cache.find(diffID, recipe, { signal })).rejects.toBe(reason);
    await expect(cache.begin(diffID, recipe, { signal })).rejects.toBe(reason);
    await expect(collect(reading(layer, { signal }))).rejects.toBe(reason);
  });

  test('a commit of another size is refused', async () => {
    await using cache = await open();
    await using writer = await begin(cache);
    await writer.append(pattern(5));
    await expect(writer.commit({ digest: diffID, size: 6 })).rejects.toThrow(RangeError);
  });

  test('a writer that is done takes nothing more', async () => {
    await using cache = await open();
    const writer = await begin(cache);
    const result = { digest: digestBytes(new Uint8Array()), size: 0 };
    await writer.commit(result);
    await expect(writer.append(pattern(5))).rejects.toThrow(TypeError);
    await expect(writer.commit(result)).rejects.toThrow(TypeError);
    await writer[Symbol.asyncDispose]();
    await writer[Symbol.asyncDispose]();
    await expect(writer.append(pattern(5))).rejects.toThrow(TypeError);
  });

  test('a closed cache neither finds nor takes', async () => {
    const cache = await open();
    await put(cache, diffID, recipe, pattern(10));
    await cache[Symbol.asyncDispose]();
    await cache[Symbol.asyncDispose]();
    expect(await cache.find(diffID, recipe)).toBeUndefined();
    expect(await cache.begin(diffID, recipe)).toBeUndefined();
  });

  test('a cache that is closed tells the readers of unfinished layers, after what was written', async () => {
    const cache = await open();
    const writer = await begin(cache);
    await writer.append(pattern(5));
    const readers = [reading(writer), reading(writer, { from: 5 }), reading(writer, { from: 9 })];
    const [first, ...others] = readers.map((reader) => reader[Symbol.asyncIterator]());
    expect((await first!.next()).value).toEqual(pattern(5));
    const closed = { code: 'ERR_CACHE_ABORTED', message: expect.stringContaining('was closed before') };
    const waiting = [first!, ...others].map((reader) => expect(reader.next()).rejects.toMatchObject(closed));
    await cache[Symbol.asyncDispose]();
    await Promise.all(waiting);
    await expect(writer.append(pattern(5))).rejects.toMatchObject(closed);
    await expect(writer.commit({ digest: digestBytes(pattern(5)), size: 5 })).rejects.toMatchObject(closed);
    await writer[Symbol.asyncDispose]();
  });

  test('a cache that is closed takes nothing from readers of what is complete', async () => {
    const cache = await open();
    await using writer = await begin(cache);
    await writer.append(pattern(600_000));
    const reader = reading(writer)[Symbol.asyncIterator]();
    const { value } = await reader.next();
    await writer.commit({ digest: digestBytes(pattern(600_000)), size: 600_000 });
    await cache[Symbol.asyncDispose]();
    const rest = await collect({ [Symbol.asyncIterator]: () => reader });
    expectBytes(concat(value as Uint8Array, rest), pattern(600_000));
  });

  test.each([-1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, '1', 1n, null])('%s is no offset', async (from) => {
    await using cache = await open();
    await using writer = await begin(cache);
    await writer.append(pattern(10));
    const told = { code: 'ERR_ARGUMENT', message: expect.stringContaining('`from` to be an integer from 0') };
    const options = { from: from as number };
    await expect(collect(reading(writer, options))).rejects.toMatchObject(told);
    const layer = await writer.commit({ digest: digestBytes(pattern(10)), size: 10 });
    await writer[Symbol.asyncDispose]();
    for (const reuse of [true, false]) {
      await expect(collect(reading(layer, { ...options, reuse }))).rejects.toMatchObject(told);
      expect(await collect(reading(layer, { from: 11, reuse }))).toEqual(new Uint8Array());
    }
  });

  test.each<[string, unknown]>([
    ['a text', 'abc'],
    ['numbers of two bytes', new Uint16Array(3)],
    ['nothing', undefined],
  ])('%s is no chunk, and the layer goes on without it', async (_, chunk) => {
    await using cache = await open();
    await using writer = await begin(cache);
    await writer.append(pattern(5));
    const refused = { code: 'ERR_ARGUMENT', argument: 'chunk' };
    await expect(writer.append(chunk as Uint8Array)).rejects.toMatchObject(refused);
    const layer = await writer.commit({ digest: digestBytes(pattern(5)), size: 5 });
    expect(await collect(reading(layer))).toEqual(pattern(5));
  });

  test('chunks of any size, read from anywhere, at the same time', async () => {
    await using cache = await open();
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.uint8Array({ maxLength: 50 }), { maxLength: 12 }),
        fc.array(fc.nat(200), { minLength: 1, maxLength: 4 }),
        async (chunks, offsets) => {
          await using writer = await begin(cache);
          const readers = offsets.map((from) => collect(reading(writer, { from })));
          for (const chunk of chunks) await writer.append(chunk);
          const bytes = concat(...chunks);
          await writer.commit({ digest: digestBytes(bytes), size: bytes.byteLength });
          expect(await Promise.all(readers)).toEqual(offsets.map((from) => bytes.subarray(from)));
        },
      ),
      { numRuns: 30 },
    );
  });
});

describe('the memory cache', () => {
  test('lets the least recently used layers go', async () => {
    await using cache = createMemoryLayerCache({ maxBytes: 100 });
    await put(cache, diffID, 'a', pattern(40));
    await put(cache, diffID, 'b', pattern(41));
    await cache.find(diffID, 'a');
    await put(cache, diffID, 'c', pattern(42));
    expect(await cache.find(diffID, 'a')).toBeDefined();
    expect(await cache.find(diffID, 'b')).toBeUndefined();
    expect(await cache.find(diffID, 'c')).toBeDefined();
  });

  test('a layer larger than the cache is refused where it gets too large, and its readers hear of it', async () => {
    await using cache = createMemoryLayerCache({ maxBytes: 100 });
    await using writer = await begin(cache);
    const reader = expect(collect(reading(writer))).rejects.toMatchObject({ code: 'ERR_CACHE_WRITE' });
    await writer.append(pattern(100));
    await expect(writer.append(pattern(1))).rejects.toMatchObject({ code: 'ERR_CACHE_WRITE' });
    await reader;
  });

  test('of no size is switched off', async () => {
    await using cache = createMemoryLayerCache({ maxBytes: 0 });
    expect(await cache.begin(diffID, recipe)).toBeUndefined();
  });

  test('takes a copy of what is appended', async () => {
    await using cache = createMemoryLayerCache();
    await using writer = await begin(cache);
    const chunk = pattern(10);
    await writer.append(chunk);
    chunk.fill(0);
    const layer = await writer.commit({ digest: digestBytes(pattern(10)), size: 10 });
    expect(await collect(reading(layer))).toEqual(pattern(10));
  });
});

/** Says less than `toEqual` when it fails, and is a thousand times as fast. */
function expectBytes(actual: Uint8Array, expected: Uint8Array): void {
  expect(actual.byteLength).toBe(expected.byteLength);
  expect(Buffer.compare(actual, expected)).toBe(0);
}

async function begin(cache: LayerCache): Promise<LayerCacheWriter> {
  const writer = await cache.begin(diffID, recipe);
  if (writer === undefined) throw new Error('the cache takes nothing');
  return writer;
}

async function put(cache: LayerCache, id: Digest, name: string, bytes: Uint8Array): Promise<CachedLayer> {
  await using writer = await cache.begin(id, name);
  await writer!.append(bytes);
  return await writer!.commit({ digest: digestBytes(bytes), size: bytes.byteLength });
}

/** Reads as one who is done with each chunk before asking for the next, and slower than the source. */
async function copied(stream: ByteStream): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) {
    await new Promise(setImmediate);
    chunks.push(new Uint8Array(chunk));
  }
  return concat(...chunks);
}

async function collect(stream: ByteStream): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return concat(...chunks);
}

function concat(...chunks: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(chunks));
}

function* split(bytes: Uint8Array, size: number): Generator<Uint8Array> {
  for (let i = 0; i < bytes.byteLength; i += size) yield bytes.subarray(i, i + size);
}

function pattern(size: number): Uint8Array {
  return Uint8Array.from({ length: size }, (_, i) => (i * 31 + (i >> 8)) & 0xff);
}

/** Holds a copy for as long as it is read. */
async function* reading(
  layer: Pick<CachedLayer, 'open'>,
  options?: OpenOptions,
): AsyncGenerator<Uint8Array, void, void> {
  await using copy = await layer.open({ signal: options?.signal });
  yield* copy.read(options);
}
