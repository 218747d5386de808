import { Hash } from 'node:crypto';
import { readSync } from 'node:fs';
import { mkdtemp, open, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { gunzipSync } from 'node:zlib';
import { type Content, contentOf, createGzipCompressor, type Digest, digestBytes } from '@slipway/digest';
import {
  type CachedLayer,
  createMemoryLayerCache,
  type LayerCache,
  LayerCacheError,
  type LayerCacheWriter,
  type LayerCopy,
  openLayerCache,
} from '@slipway/layer-cache';
import { RegistryError } from '@slipway/registry-client';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import {
  type CountedContent,
  type CountedContentOptions,
  collect,
  countedContent,
} from '../../test/counted-content.ts';
import { countingCompressor, noiseBytes, textBytes } from '../../test/setup.ts';
import type { FormReader } from './form.ts';
import { Gate } from './gate.ts';
import { MadeForm } from './made-form.ts';
import { RunningHash } from './running-hash.ts';
import { RecentMemory } from './runs/recent-memory.ts';

const plain = textBytes(9, 2_000_000);
const diffID = digestBytes(plain);
const compressed = await collect(createGzipCompressor().compress(contentOf(plain).open()));
const identity = { digest: digestBytes(compressed), size: compressed.byteLength };
const wrong = digestBytes(new Uint8Array(1));
const damagedCopy = compressed.map((letter, at) => (at === 200_000 ? letter ^ 1 : letter));

let root: string;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'slipway-made-form-'));
});

afterAll(async () => {
  await rm(root, { recursive: true, force: true });
});

/** What `--expose-gc` would give. */
function exposedCollector(): () => void {
  setFlagsFromString('--expose-gc');
  try {
    return runInNewContext('gc') as () => void;
  } finally {
    setFlagsFromString('--no-expose-gc');
  }
}

interface Made {
  readonly form: MadeForm;
  readonly content: CountedContent;
  /** Times the layer was compressed. */
  readonly runs: () => number;
  readonly push: AbortController;
}

function made(
  cache: LayerCache | undefined,
  { layer = diffID, bytes = plain, ...source }: CountedContentOptions & { layer?: Digest; bytes?: Uint8Array } = {},
): Made {
  return madeOf(cache, layer, countedContent(bytes, { chunkSize: 100_000, ...source }));
}

function madeOf(cache: LayerCache | undefined, layer: Digest, content: CountedContent): Made {
  const push = new AbortController();
  const compressor = countingCompressor();
  const form = new MadeForm({
    diffID: layer,
    openPlain: (options) => content.open(options),
    plain: content,
    readTotal: content.size,
    compressor,
    cache,
    gate: new Gate(2),
    recentMemory: new RecentMemory(),
    signal: push.signal,
  });
  return { form, content, runs: compressor.runs, push };
}

async function part(reader: FormReader, from: number, length: number): Promise<Uint8Array> {
  return await collect(reader.open({ from, length, reuse: true }));
}

/** All of it, in parts. */
async function inParts(reader: FormReader, size = 50_000): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for (let from = 0; ; ) {
    const there = await reader.available(from + size, { beyond: from });
    if (there === undefined) throw new Error('nothing is kept');
    if (there <= from) return Buffer.concat(parts);
    parts.push(await part(reader, from, Math.min(size, there - from)));
    from += parts.at(-1)?.byteLength ?? 0;
  }
}

/** Counts what is read of the layers that a cache keeps, and changes how they are opened. */
function watched(
  cache: LayerCache,
  open: (layer: CachedLayer) => Promise<LayerCopy> = (layer) => layer.open(),
): LayerCache & { readonly handedOut: () => number; readonly removed: () => number } {
  let handedOut = 0;
  let removed = 0;
  const counted = (copy: LayerCopy): LayerCopy => ({
    async *read(options) {
      for await (const chunk of copy.read(options)) {
        handedOut += chunk.byteLength;
        yield chunk;
      }
    },
    [Symbol.asyncDispose]: () => copy[Symbol.asyncDispose](),
  });
  return {
    handedOut: () => handedOut,
    removed: () => removed,
    async find(...query) {
      const layer = await cache.find(...query);
      return layer && { ...layer, open: async () => counted(await open(layer)) };
    },
    begin: (...layer) => cache.begin(...layer),
    async remove(...layer) {
      removed += 1;
      await cache.remove(...layer);
    },
  };
}

/** A cache that has the layer, from an earlier run. */
async function filledCache(): Promise<LayerCache & AsyncDisposable> {
  const cache = createMemoryLayerCache();
  await fill(cache);
  return cache;
}

async function fill(cache: LayerCache): Promise<void> {
  const { form } = made(cache);
  await form.identify();
  await form.settled(); // kept
}

function copyOf(bytes: Uint8Array): LayerCopy {
  const content = countedContent(bytes, { chunkSize: 30_000 });
  return { read: (options) => content.open(options), async [Symbol.asyncDispose]() {} };
}

describe('a layer that is compressed into the cache', () => {
  test('is read while it grows, once a reader, by any number of readers', async () => {
    const { form, content, runs } = made(createMemoryLayerCache());
    const readers = [form.reader(), form.reader(), form.reader()];
    const all = await Promise.all(readers.map((reader) => inParts(reader)));
    for (const bytes of all) expect(digestBytes(bytes)).toBe(identity.digest);
    for (const reader of readers) {
      expect(await reader.prove()).toEqual(identity);
      await reader[Symbol.asyncDispose]();
    }
    expect(runs()).toBe(1);
    expect(content.handedOut()).toBe(plain.byteLength);
    expect(form.identity).toEqual(identity);
  });

  test('does not hand out its last byte before the source has proven itself', async () => {
    const { form } = made(createMemoryLayerCache(), { layer: wrong });
    await using reader = form.reader();
    const seen: Uint8Array[] = [];
    await expect(async () => {
      for await (const chunk of reader.open()) seen.push(chunk.slice());
    }).rejects.toMatchObject({ side: 'source', mustRestart: true, cause: { code: 'ERR_DIGEST_MISMATCH' } });
    expect(() => gunzipSync(Buffer.concat(seen))).toThrow();
    expect(reader.failure).toMatchObject({ side: 'source' });
    await expect(form.identify()).rejects.toMatchObject({ side: 'source', cause: { code: 'ERR_DIGEST_MISMATCH' } });
  });

  test('is recalled by a later run, and read once, in parts', async () => {
    await using cache = await filledCache();
    const copies = watched(cache, async (layer) => {
      await using copy = await layer.open();
      return copyOf(await collect(copy.read()));
    });
    const { form, content, runs } = made(copies);
    expect(await form.recall()).toEqual(identity);
    expect(content.opens()).toBe(0);
    await using reader = form.reader();
    expect(digestBytes(await inParts(reader, 90_000))).toBe(identity.digest);
    expect(runs()).toBe(0);
    expect(copies.handedOut()).toBe(identity.size);
  });

  test('taken up in the middle is read once', async () => {
    await using cache = await filledCache();
    const copies = watched(cache, async () => copyOf(compressed));
    const { form } = made(copies);
    await using reader = form.reader();
    for (let from = 300_000; from < identity.size; from += 30_000) await part(reader, from, 30_000);
    expect(await reader.prove()).toEqual(identity);
    expect(copies.handedOut()).toBe(identity.size);
  });

  test('is there for its readers though the cache lets it go', async () => {
    const folder = await mkdtemp(join(root, 'cache-'));
    await using cache = await openLayerCache({ folder, maxBytes: 100_000 });
    const one = made(cache);
    await using early = one.form.reader();
    expect(await early.available(1)).toBeGreaterThan(0);
    await one.form.identify();
    await one.form.settled();
    const other = made(cache, { bytes: textBytes(10, 400_000), layer: digestBytes(textBytes(10, 400_000)) });
    await other.form.identify();
    await other.form.settled(); // and the first one is gone
    expect(await cache.find(diffID, one.form.recipe)).toBeUndefined();
    expect(digestBytes(await collect(early.open()))).toBe(identity.digest);
    expect(one.runs()).toBe(1);
    await using late = one.form.reader();
    expect(digestBytes(await collect(late.open()))).toBe(identity.digest);
    expect(one.runs()).toBe(1); // the first reader still holds it
  });

  test('lets go of all that making it has taken, once it is kept and nobody holds it', async () => {
    const collectGarbage = exposedCollector();
    const folder = await mkdtemp(join(root, 'cache-'));
    await using cache = await openLayerCache({ folder });
    const writers: WeakRef<LayerCacheWriter>[] = [];
    const begin: LayerCache['begin'] = async (...layer) => {
      const writer = await cache.begin(...layer);
      if (writer !== undefined) writers.push(new WeakRef(writer));
      return writer;
    };
    const { form } = made({ find: cache.find.bind(cache), begin, remove: cache.remove.bind(cache) });
    const reader = form.reader();
    expect(digestBytes(await collect(reader.open()))).toBe(identity.digest);
    await form.settled();
    await setImmediate();
    collectGarbage();
    expect(writers.map((writer) => writer.deref() === undefined)).toEqual([false]);
    await reader[Symbol.asyncDispose]();
    await setImmediate();
    collectGarbage();
    expect(writers.map((writer) => writer.deref() === undefined)).toEqual([true]);
    await using late = form.reader();
    expect(digestBytes(await collect(late.open()))).toBe(identity.digest);
  });

  test('is compressed again when nobody held it', async () => {
    const folder = await mkdtemp(join(root, 'cache-'));
    await using cache = await openLayerCache({ folder });
    const { form, runs } = made(cache);
    await form.identify();
    await form.settled();
    await rm(join(folder, 'blobs'), { recursive: true });
    await using reader = form.reader();
    expect(digestBytes(await collect(reader.open()))).toBe(identity.digest);
    expect(reader.failure).toBeUndefined();
    expect(runs()).toBe(2);
    await form.settled();
    expect(await cache.find(diffID, form.recipe)).toMatchObject(identity);
  });
});

describe('a kept copy that is damaged', () => {
  test('fails its reader, is removed, and the layer is compressed again', async () => {
    const folder = await mkdtemp(join(root, 'cache-'));
    await using cache = await openLayerCache({ folder });
    await fill(cache);
    const [file] = await readdir(join(folder, 'blobs/sha256'));
    await writeFile(join(folder, 'blobs/sha256', String(file)), damagedCopy);
    const { form, runs } = made(cache);
    await using reader = form.reader();
    await expect(inParts(reader)).rejects.toMatchObject({
      side: 'copy',
      transient: true,
      mustRestart: true,
      cause: { code: 'ERR_DIGEST_MISMATCH' },
    });
    expect(reader.failure).toMatchObject({ side: 'copy' });
    expect(form.identity).toBeUndefined();
    await expect(part(reader, 100_000, 1)).rejects.toMatchObject({ side: 'copy' });
    expect(digestBytes(await inParts(reader))).toBe(identity.digest);
    expect(await reader.prove()).toEqual(identity);
    expect(runs()).toBe(1);
    expect(form.isKept).toBe(true);
    await using again = made(cache).form.reader();
    expect(await again.prove()).toEqual(identity);
  });

  test.each<[string, (layer: CachedLayer) => Promise<LayerCopy>]>([
    ['has other bytes', async () => copyOf(damagedCopy)],
    ['is too short', async () => copyOf(compressed.subarray(0, 300_000))],
    [
      'cannot be opened',
      async () => {
        throw new LayerCacheError('ERR_CACHE_READ', 'gone');
      },
    ],
    [
      'cannot be read to its end',
      async () => {
        const failing = countedContent(compressed, {
          before: (at) => {
            if (at > 200_000) throw Object.assign(new Error('input/output error'), { code: 'EIO' });
          },
        });
        return { ...copyOf(compressed), read: (options) => failing.open(options) };
      },
    ],
  ])('whose file %s, each time: the layer goes without the cache', async (_, open) => {
    await using cache = await filledCache();
    const copies = watched(cache, open);
    // Whatever is compressed anew is damaged too, as soon as it is found.
    const forgetful: LayerCache = {
      ...copies,
      async begin() {
        return undefined;
      },
      async remove() {
        await copies.remove(diffID, 'nothing');
      },
    };
    const { form, runs } = made(forgetful);
    await using reader = form.reader();
    let failures = 0;
    let bytes: Uint8Array | undefined;
    while (bytes === undefined) {
      try {
        bytes = await collect(reader.open());
      } catch (error) {
        failures += 1;
        expect(error).toMatchObject({ side: 'copy', transient: true });
      }
    }
    expect(digestBytes(bytes)).toBe(identity.digest);
    expect(failures).toBeLessThanOrEqual(2);
    expect(copies.removed()).toBe(2);
    expect(runs()).toBe(1);
    expect(form.isKept).toBe(false);
  });

  test('too many open files say nothing of the copy: it stays', async () => {
    await using cache = await filledCache();
    let failures = 1;
    const copies = watched(cache, async (layer) => {
      const cause = Object.assign(new Error('too many open files'), { code: 'EMFILE' });
      if (failures-- > 0) throw new LayerCacheError('ERR_CACHE_READ', 'cannot be opened', { cause });
      return await layer.open();
    });
    const { form, runs } = made(copies);
    await using reader = form.reader();
    await expect(collect(reader.open())).rejects.toMatchObject({ side: 'machine', transient: true });
    expect(digestBytes(await collect(reader.open()))).toBe(identity.digest);
    expect([copies.removed(), runs()]).toEqual([0, 0]);
  });
});

describe('a compression that fails', () => {
  test('begins anew when it is asked for again', async () => {
    let failures = 1;
    const { form, runs } = made(createMemoryLayerCache(), {
      before(at) {
        if (at === 500_000 && failures-- > 0)
          throw new RegistryError('GET failed', { code: 'ERR_REGISTRY_UNREACHABLE', transient: true });
      },
    });
    await expect(form.identify()).rejects.toMatchObject({ side: 'source', transient: true, mustRestart: false });
    expect(await form.identify()).toEqual(identity);
    expect(runs()).toBe(2);
  });

  test.each([true, false])('lets its reader go on from where it was; with a cache: %s', async (hasCache) => {
    let failures = 1;
    const bytes = textBytes(11, 8_000_000);
    const { form, runs } = made(hasCache ? createMemoryLayerCache() : undefined, {
      bytes,
      layer: digestBytes(bytes),
      before(at) {
        if (at === 7_900_000 && failures-- > 0)
          throw Object.assign(new Error('no thread'), { code: 'ERR_DEFLATE_WORKER' });
      },
    });
    await using reader = form.reader();
    const seen: Uint8Array[] = [];
    await expect(async () => {
      for await (const chunk of reader.open({ reuse: true })) seen.push(chunk.slice());
    }).rejects.toMatchObject({ side: 'machine' });
    const before = Buffer.concat(seen);
    expect(before.byteLength).toBeGreaterThan(0);
    const rest = await collect(reader.open({ from: before.byteLength }));
    expect(Buffer.compare(gunzipSync(Buffer.concat([before, rest])), bytes)).toBe(0);
    expect(runs()).toBe(2);
  });

  test('ends with the push', async () => {
    const { form, push, content } = made(createMemoryLayerCache(), {
      before(at) {
        if (at > 0) push.abort(new Error('the push has ended'));
      },
    });
    await using reader = form.reader();
    await expect(reader.prove()).rejects.toThrow('the push has ended');
    await expect(form.identify()).rejects.toThrow('the push has ended');
    await content.idle();
  });
});

describe('where nothing is kept', () => {
  test('each reader compresses for itself, and gets the last bytes when all are proven', async () => {
    const { form, runs } = made(undefined);
    expect(form.isKept).toBe(false);
    expect(await form.available(1)).toBeUndefined();
    await using reader = form.reader();
    expect(digestBytes(await collect(reader.open({ reuse: true })))).toBe(identity.digest);
    expect(form.identity).toEqual(identity);
    expect(await form.identify()).toEqual(identity);
    expect(runs()).toBe(1);
  });

  test('does not hand out the last byte of what is not its diffID', async () => {
    const { form } = made(undefined, { layer: wrong });
    await using reader = form.reader();
    const seen: Uint8Array[] = [];
    await expect(async () => {
      for await (const chunk of reader.open({ reuse: true })) seen.push(chunk.slice());
    }).rejects.toMatchObject({ side: 'source', cause: { code: 'ERR_DIGEST_MISMATCH' } });
    expect(() => gunzipSync(Buffer.concat(seen))).toThrow();
  });

  test('a disk that gets full in the middle costs its reader nothing but work', async () => {
    await using cache = createMemoryLayerCache({ maxBytes: 300_000 });
    const { form, runs } = made(cache);
    await using reader = form.reader();
    expect(digestBytes(await collect(reader.open({ reuse: true })))).toBe(identity.digest);
    expect(reader.failure).toBeUndefined();
    expect(form.isKept).toBe(false);
    expect(await reader.prove()).toEqual(identity);
    expect(runs()).toBe(2);
  });
});

describe('a layer that cannot be compressed', () => {
  const noise = noiseBytes(17 * 1024 * 1024);

  function lean(): Made & { readonly cache: LayerCache } {
    const cache = watched(createMemoryLayerCache());
    return { ...made(cache, { bytes: noise, layer: digestBytes(noise), chunkSize: 64 * 1024 }), cache };
  }

  /** Sixteen looks at all of it, and at most twelve at its end. */
  const looks = 28 * 64 * 1024;

  test('is sent out of its source, which is read and hashed once, and not kept', async () => {
    const { form, content, runs, cache } = lean();
    const update = vi.spyOn(RunningHash.prototype, 'update');
    await using reader = form.reader();
    const bytes = await inParts(reader, 4 * 1024 * 1024);
    expect(Buffer.compare(gunzipSync(bytes), noise)).toBe(0);
    expect(await reader.prove()).toEqual({ digest: digestBytes(bytes), size: bytes.byteLength });
    expect(runs()).toBe(1);
    expect(await cache.find(digestBytes(noise), form.recipe)).toBeUndefined();
    expect(content.handedOut()).toBeLessThanOrEqual(noise.byteLength + looks);
    expect(update).not.toHaveBeenCalled();
    update.mockRestore();
  });

  test('is read by a thread, in a file, and its reader gets what the thread has hashed', async () => {
    const path = join(root, 'noise');
    await writeFile(path, noise);
    await using handle = await open(path);
    const looked = countedContent(noise, { chunkSize: 64 * 1024 });
    let read = 0;
    let giveBack = (): void => {};
    const returned = new Promise<void>((resolve) => {
      giveBack = resolve;
    });
    const content: Content = {
      size: noise.byteLength,
      open: (options) => looked.open(options),
      lend: async () => ({
        ...{ fd: handle.fd, start: 0, readSync },
        async assertUnchanged() {},
        onRead: (_, size) => {
          read += size;
        },
        readFailure: (cause) => new Error('could not be read', { cause }),
        [Symbol.dispose]: () => giveBack(),
      }),
    };
    const update = vi.spyOn(Hash.prototype, 'update');
    const form = new MadeForm({
      ...{ diffID: digestBytes(noise), plain: content, readTotal: noise.byteLength },
      ...{ openPlain: content.open, compressor: createGzipCompressor(), cache: createMemoryLayerCache() },
      ...{ gate: new Gate(1), recentMemory: new RecentMemory(), signal: new AbortController().signal },
    });
    await using reader = form.reader();
    update.mockClear();
    const bytes = await inParts(reader, 3_000_000);
    const hashed = update.mock.calls.length;
    update.mockRestore();
    expect(hashed).toBe(0); // on this thread
    expect(Buffer.compare(gunzipSync(bytes), noise)).toBe(0);
    expect(await reader.prove()).toEqual({ digest: digestBytes(bytes), size: bytes.byteLength });
    await returned;
    expect(read).toBe(noise.byteLength);
    expect(looked.handedOut()).toBeLessThanOrEqual(looks);
  });

  test('is read again from where its reader goes back to, and proven by the reader itself', async () => {
    const { form, content, runs } = lean();
    await using reader = form.reader();
    const first = await part(reader, 0, 6_000_000);
    for await (const _ of reader.open({ from: 6_000_000, length: 6_000_000, reuse: true })) break; // cut off
    const again = await part(reader, 6_000_000, 6_000_000);
    const rest = await collect(reader.open({ from: 12_000_000, reuse: true }));
    const bytes = Buffer.concat([first, again, rest]);
    expect(Buffer.compare(gunzipSync(bytes), noise)).toBe(0);
    expect(await reader.prove()).toEqual({ digest: digestBytes(bytes), size: bytes.byteLength });
    expect(runs()).toBe(1);
    expect(content.handedOut()).toBeLessThan(2 * noise.byteLength + looks + 4 * 1024 * 1024);
  });

  test('changes after part of it was sent: that part sent again fails, and blames the source', async () => {
    let now = noise;
    const content = countedContent(() => now, { chunkSize: 64 * 1024 });
    const { form } = madeOf(createMemoryLayerCache(), digestBytes(noise), content);
    await using reader = form.reader();
    await part(reader, 0, 3_000_000);
    await form.identify(); // the rest was as it should be
    now = noise.map((letter, at) => (at === 1_000_000 ? letter ^ 1 : letter));
    await expect(collect(reader.open({ from: 0, reuse: true }))).rejects.toMatchObject({
      side: 'source',
      cause: { code: 'ERR_DIGEST_MISMATCH' },
    });
  });

  test('goes to readers of any pace, of whom nobody waits for another', async () => {
    const { form, runs } = lean();
    await using slow = form.reader();
    await part(slow, 0, 1_000_000); // and rests
    await using fast = form.reader();
    const bytes = await collect(fast.open({ reuse: true }));
    expect(Buffer.compare(gunzipSync(bytes), noise)).toBe(0);
    const rest = await collect(slow.open({ from: 1_000_000, reuse: true }));
    expect(Buffer.compare(rest, bytes.subarray(1_000_000))).toBe(0);
    expect(await slow.prove()).toEqual(await fast.prove());
    expect(runs()).toBe(1);
  });

  test('a reader that leaves in the middle holds nobody up, nor does the end of the push', async () => {
    const { form, push } = lean();
    const leaving = form.reader();
    await part(leaving, 0, 1_000_000);
    await leaving[Symbol.asyncDispose]();
    await form.settled();
    expect(form.identity).toBeDefined();

    const other = lean();
    await using staying = other.form.reader();
    await part(staying, 0, 1_000_000);
    other.push.abort(new Error('enough'));
    await other.form.settled();
    await expect(part(staying, 1_000_000, 10)).rejects.toThrow('enough');
    push.abort();
  });

  test('and changes after its digest was computed fails, and blames the source', async () => {
    let now = noise;
    const changing = { ...countedContent(() => now, { chunkSize: 1024 * 1024 }) };
    const form = new MadeForm({
      diffID: digestBytes(noise),
      openPlain: (options) => changing.open(options),
      plain: changing,
      readTotal: noise.byteLength,
      compressor: createGzipCompressor(),
      cache: createMemoryLayerCache(),
      gate: new Gate(1),
      recentMemory: new RecentMemory(),
      signal: new AbortController().signal,
    });
    await form.identify();
    now = noise.map((letter, at) => (at === 9_000_000 ? letter ^ 1 : letter));
    await using reader = form.reader();
    await expect(inParts(reader, 4 * 1024 * 1024)).rejects.toMatchObject({
      side: 'source',
      cause: { code: 'ERR_DIGEST_MISMATCH' },
    });
  });
});
