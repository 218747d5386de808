import { availableParallelism } from 'node:os';
import { constants, deflateRawSync, gunzipSync } from 'node:zlib';
import { describe, expect, test, vi } from 'vitest';
import { chunked, collect, distributions, noise, settled, watched } from '../../test/support.ts';
import type { GzipCompressorKind } from '../compression/compressor-options.ts';
import { digestBytes } from '../hashing/hashing.ts';
import { createGzipCompressor, createGzipCompressorOn, type DeflateBlock, zlibOf } from './gzip.ts';

const blockSize = 64 * 1024;
const compressible = distributions.letters(blockSize, 1);

const deflateNow: DeflateBlock = async (block, dictionary, level) =>
  deflateRawSync(block, { level, finishFlush: constants.Z_SYNC_FLUSH, ...(dictionary && { dictionary }) });

/** A deflate that finishes when told, and counts. */
function gated(): {
  deflate: DeflateBlock;
  counts: { running: number; peak: number; calls: number };
  open: () => void;
} {
  const counts = { running: 0, peak: 0, calls: 0 };
  let waiting: (() => void)[] = [];
  const deflate: DeflateBlock = async (...args) => {
    counts.calls += 1;
    counts.running += 1;
    counts.peak = Math.max(counts.peak, counts.running);
    await new Promise<void>((resolve) => waiting.push(resolve));
    counts.running -= 1;
    return deflateNow(...args);
  };
  const open = (): void => {
    for (const resume of waiting) resume();
    waiting = [];
  };
  return { deflate, counts, open };
}

describe('createGzipCompressor', () => {
  test('the member begins as Go writes it and ends with CRC-32 and length', async () => {
    const plain = new TextEncoder().encode('hello world');
    const member = Buffer.from(await collect(createGzipCompressor().compress(chunked(plain))));
    expect(member.subarray(0, 10).toString('hex')).toBe('1f8b08000000000000ff');
    expect(member.subarray(-10).toString('hex')).toBe('0300' + '85114a0d' + '0b000000');
  });

  test('nothing becomes the shortest member there is', async () => {
    const member = Buffer.from(await collect(createGzipCompressor().compress(chunked(new Uint8Array(0)))));
    expect(member.toString('hex')).toBe('1f8b08000000000000ff' + '0300' + '00000000' + '00000000');
  });

  test.each([[1], [2], [5]])('%i workers are all busy at once, and never one more', async (concurrency) => {
    const { deflate, counts, open } = gated();
    const compressor = createGzipCompressorOn(deflate, { blockSize, concurrency });
    const reading = collect(compressor.compress(watched(compressible, 20)));
    let done = false;
    const ending = reading.finally(() => {
      done = true;
    });
    while (!done) {
      await settled();
      if (counts.calls <= 20 - concurrency) expect(counts.running).toBe(concurrency);
      open();
    }
    expect(counts).toMatchObject({ running: 0, peak: concurrency, calls: 20 });
    expect(gunzipSync(await ending).byteLength).toBe(20 * blockSize);
  });

  test('all cores are used unless told otherwise, and one more block waits for the next free one', async () => {
    const { deflate, counts, open } = gated();
    const reading = createGzipCompressorOn(deflate, { blockSize }).compress(watched(compressible));
    const iterator = reading[Symbol.asyncIterator]();
    const first = iterator.next();
    await settled();
    expect(counts.running).toBe(availableParallelism() + 1);
    open();
    await first;
    const leaving = iterator.return?.();
    await settled();
    open();
    await leaving;
    expect(counts.running).toBe(0);
  });

  test('leaving early awaits the deflate jobs in progress and starts no others', async () => {
    const { deflate, counts, open } = gated();
    const source = watched(compressible);
    const reading = createGzipCompressorOn(deflate, { blockSize, concurrency: 3 }).compress(source);
    const iterator = reading[Symbol.asyncIterator]();
    const first = iterator.next();
    await settled();
    open();
    await first;
    await settled();
    const { calls } = counts;
    const leaving = iterator.return?.();
    await settled();
    expect(counts.running).toBeGreaterThan(0);
    open();
    await leaving;
    expect(counts).toMatchObject({ running: 0, calls });
    expect(source.closed).toBe(1);
  });

  test('each block is deflated with the 32 KiB before it as its dictionary', async () => {
    const plain = Buffer.concat([distributions.letters(blockSize, 1), noise(blockSize), distributions.letters(100, 2)]);
    const seen: (Buffer | undefined)[] = [];
    const spy: DeflateBlock = (block, dictionary, level) => {
      seen.push(dictionary && Buffer.from(dictionary));
      return deflateNow(block, dictionary, level);
    };
    const compressed = await collect(createGzipCompressorOn(spy, { blockSize }).compress(chunked(plain, 10_000)));
    // The noise in the middle is stored without a call, and yet serves as the dictionary of what follows.
    expect(seen).toEqual([undefined, plain.subarray(2 * blockSize - 32 * 1024, 2 * blockSize)]);
    expect(gunzipSync(compressed).equals(plain)).toBe(true);
  });

  test('a block that deflate makes larger is stored', async () => {
    const larger: DeflateBlock = async () => new Uint8Array(blockSize + 100);
    const compressed = await collect(createGzipCompressorOn(larger, { blockSize }).compress(chunked(compressible)));
    expect(compressed.byteLength).toBe(10 + blockSize + 2 * 5 + 2 + 8);
    expect(Buffer.compare(gunzipSync(compressed), compressible)).toBe(0);
  });

  test('a deflate that fails ends the stream with its error', async () => {
    const failure = new Error('out of memory');
    const source = watched(compressible);
    const failing: DeflateBlock = async () => {
      throw failure;
    };
    await expect(collect(createGzipCompressorOn(failing, { blockSize }).compress(source))).rejects.toBe(failure);
    expect(source.closed).toBe(1);
  });

  test('the blocks cost no size worth mentioning against one deflate stream', async () => {
    const plain = Buffer.concat(Array.from({ length: 40 }, (_, i) => distributions.echo(30_000, i % 9)));
    const compressed = await collect(createGzipCompressor().compress(chunked(plain)));
    expect(compressed.byteLength).toBeLessThan(deflateRawSync(plain).byteLength * 1.01);
  });

  test.each([
    [undefined, 'gzip;slipway-deflate-3;level=2;block=256k;v1'],
    ['deflate', 'gzip;slipway-deflate-3;level=2;block=256k;v1'],
    ['zlib', `gzip;zlib-${process.versions.zlib};${process.arch};level=6;block=256k;v1`],
    ['fflate', 'gzip-members;fflate-0.8.3;level=6;block=1024k;v1'],
  ] as const)('with %s, the recipe is %s', (compressor, recipe) => {
    expect(createGzipCompressor({ compressor }).recipe).toBe(recipe);
  });

  test.each([
    ['Node', { zlib: '1.3.1-e00f703' }, 'arm64', 'zlib-1.3.1-e00f703;arm64'],
    ['Bun', { zlib: '12731092', bun: '1.4.5' }, 'x64', 'zlib-12731092;bun-1.4.5;x64'],
    [
      'Deno, whose zlib is called as Node’s',
      { zlib: '1.3.1-e00f703', deno: '2.9.6' },
      'x64',
      'zlib-1.3.1-e00f703;deno-2.9.6;x64',
    ],
  ] as const)('a recipe tells the zlib of %s', (_, versions, arch, name) => {
    expect(zlibOf({ versions: { ...process.versions, ...versions }, arch })).toBe(name);
  });

  test('levels above the highest mean the highest, and the recipe says so', () => {
    expect(createGzipCompressor({ level: 9 }).recipe).toBe(createGzipCompressor({ level: 6 }).recipe);
  });

  test('an unknown compressor is refused', () => {
    expect(() => createGzipCompressor({ compressor: 'gzip' as 'zlib' })).toThrow(RangeError);
  });

  test('the same bytes on every machine, and from any number of threads', async () => {
    const plain = distributions.mixed(3_000_000, 7);
    const bytes = await collect(createGzipCompressor().compress(chunked(plain, 100_000)));
    expect(Buffer.compare(gunzipSync(bytes), plain)).toBe(0);
    expect(digestBytes(bytes)).toMatchInlineSnapshot(
      `"sha256:699ca5e57dd93bec10e76399d7a97740603e06940f3947018a54fe450eba8fa0"`,
    );
    const alone = await collect(createGzipCompressor({ concurrency: 1 }).compress(chunked(plain)));
    expect(Buffer.compare(alone, bytes)).toBe(0);
  });

  test('without WebAssembly SIMD, zlib takes its place', async () => {
    const validate = vi.spyOn(
      (globalThis as unknown as { WebAssembly: { validate(): boolean } }).WebAssembly,
      'validate',
    );
    validate.mockReturnValue(false);
    try {
      expect(createGzipCompressor({ level: 6 }).recipe).toContain('zlib-');
    } finally {
      validate.mockRestore();
    }
  });
});

test.each<GzipCompressorKind>(['deflate', 'zlib'])(
  '%s makes the same bytes for a reader that is done with each chunk, of a source that writes over its own',
  async (compressor) => {
    const bytes = Buffer.concat([noise(5_000_000), new Uint8Array(500_000), noise(700_001, 2), new Uint8Array(40_000)]);
    const codec = createGzipCompressor({ compressor });
    async function* overwritten(): AsyncGenerator<Uint8Array, void, void> {
      const buffer = new Uint8Array(100_000);
      for (let at = 0; at < bytes.byteLength; at += buffer.byteLength) {
        const chunk = bytes.subarray(at, at + buffer.byteLength);
        buffer.set(chunk);
        yield buffer.subarray(0, chunk.byteLength);
        buffer.fill(0);
      }
    }
    const copies: Uint8Array[] = [];
    const memory = new Set<ArrayBufferLike>();
    for await (const chunk of codec.compress(overwritten(), { reuse: true })) {
      await new Promise(setImmediate);
      copies.push(new Uint8Array(chunk));
      memory.add(chunk.buffer);
      chunk.fill(0);
    }
    expect(Buffer.compare(Buffer.concat(copies), await collect(codec.compress(chunked(bytes, 10_000))))).toBe(0);
    if (compressor === 'deflate') expect(memory.size).toBeLessThan(copies.length);
  },
);
