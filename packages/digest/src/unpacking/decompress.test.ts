import { getEventListeners } from 'node:events';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { chunked, collect, distributions, noise, settled, stuck, watched } from '../../test/support.ts';
import { digestBytes } from '../hashing/hashing.ts';
import { createZstdCompressor } from '../zstd/zstd.ts';
import { decompress as nodeDecompress } from './decompress.ts';
import { decompress as portableDecompress } from './portable-decompress.ts';

const MiB = 1024 * 1024;
const zstdOf = (plain: Uint8Array): Promise<Uint8Array> =>
  collect(createZstdCompressor({ blockSize: 64 * 1024 }).compress(chunked(plain)));

const hello = new TextEncoder().encode('hello, world! '.repeat(20));

describe.each([
  ['node:zlib', nodeDecompress],
  ['portable', portableDecompress],
])('%s', (_, decompress) => {
  test('plain bytes pass through untouched', async () => {
    const chunk = noise(10);
    const chunks: Uint8Array[] = [];
    for await (const passed of decompress(watched(chunk, 2), 'none')) chunks.push(passed);
    expect(chunks.every((passed) => passed === chunk)).toBe(true);
  });

  test('the empty layer that every registry has', async () => {
    const blob = Buffer.from('H4sIAAAJbogA/2IYBaNgFIxYAAgAAP//Lq+17wAEAAA=', 'base64');
    expect(digestBytes(blob)).toBe('sha256:a3ed95caeb02ffe68cdd9fd84406680ae93d633cb16422d00e8a7c22955b46d4');
    expect(Buffer.compare(await collect(decompress(chunked(blob, 7), 'gzip')), new Uint8Array(1024))).toBe(0);
  });

  test('another compression is refused', () => {
    // @ts-expect-error -- what a caller without types may do
    expect(() => decompress(chunked(hello), 'lzip')).toThrow(TypeError);
  });

  describe.each<['gzip' | 'zstd', (plain: Uint8Array) => Uint8Array | Promise<Uint8Array>]>([
    ['gzip', (plain) => gzipSync(plain)],
    ['zstd', zstdOf],
  ])('%s', (compression, compress) => {
    const inflate = (bytes: Uint8Array, ...sizes: number[]): Promise<Uint8Array> =>
      collect(decompress(chunked(bytes, ...sizes), compression));
    const corrupt = { name: 'CompressionError', code: 'ERR_COMPRESSION_CORRUPT' };

    test('any number of members or frames, cut anyhow, are one content', async () => {
      const parts = [hello, noise(20_000), new Uint8Array(0), distributions.letters(50_000, 1), hello];
      const joined = Buffer.concat(await Promise.all(parts.map(compress)));
      await fc.assert(
        fc.asyncProperty(
          fc.array(fc.integer({ min: 0, max: 40_000 }), { minLength: 1, maxLength: 6 }),
          async (sizes) => {
            const plain = await inflate(joined, ...sizes, 1 + (sizes[0] ?? 0));
            expect(Buffer.compare(plain, Buffer.concat(parts))).toBe(0);
          },
        ),
        { numRuns: 30 },
      );
      expect(Buffer.compare(await inflate(joined, 1), Buffer.concat(parts))).toBe(0);
    });

    test('content that was cut anywhere is refused', async () => {
      const whole = Buffer.concat([await compress(hello), await compress(noise(30))]);
      const border = (await compress(hello)).byteLength;
      for (let size = 0; size < whole.byteLength; size += 1) {
        if (size === border) continue;
        await expect(inflate(whole.subarray(0, size)), `${size} bytes`).rejects.toMatchObject(corrupt);
      }
    });

    test.each([
      ['text', Buffer.from('surplus')],
      ['one byte', Buffer.from('x')],
      ['zeros', Buffer.alloc(20)],
    ])('%s after the end is refused', async (_, surplus) => {
      const compressed = Buffer.concat([await compress(hello), surplus]);
      await expect(inflate(compressed)).rejects.toMatchObject(corrupt);
      await expect(inflate(compressed, compressed.byteLength - surplus.byteLength)).rejects.toMatchObject(corrupt);
      await expect(inflate(compressed, 1)).rejects.toMatchObject(corrupt);
    });

    test('content of another kind is refused', async () => {
      await expect(inflate(noise(1000))).rejects.toMatchObject(corrupt);
      await expect(inflate(new Uint8Array(0))).rejects.toMatchObject(corrupt);
    });

    test('damage is a CompressionError or harmless, never anything else and never a hang', async () => {
      const whole = await compress(distributions.mixed(3000, 1));
      await fc.assert(
        fc.asyncProperty(fc.nat({ max: whole.byteLength - 1 }), fc.integer({ min: 1, max: 255 }), async (at, flip) => {
          const damaged = whole.slice();
          damaged[at] = (damaged[at] as number) ^ flip;
          const outcome = await collect(decompress(chunked(damaged, 1000), compression, { maxBytes: 10 * MiB })).catch(
            (error: unknown) => error,
          );
          if (outcome instanceof Error) expect(outcome.name).toBe('CompressionError');
        }),
        { numRuns: 100 },
      );
    });

    test('maxBytes allows exactly that many', async () => {
      const compressed = await compress(hello);
      const size = hello.byteLength;
      expect(await collect(decompress(chunked(compressed), compression, { maxBytes: size }))).toHaveLength(size);
      const reading = collect(decompress(chunked(compressed), compression, { maxBytes: size - 1 }));
      await expect(reading).rejects.toMatchObject({ name: 'CompressionError', code: 'ERR_COMPRESSION_TOO_LARGE' });
    });

    test('a bomb is refused once it has given 1 MiB and more than the ratio allows, and the source is closed', async () => {
      const bomb = await compress(new Uint8Array(40 * MiB));
      const source = watched(bomb);
      let given = 0;
      const reading = (async () => {
        for await (const chunk of decompress(source, compression, { maxRatio: 100 })) given += chunk.byteLength;
      })();
      await expect(reading).rejects.toMatchObject({ code: 'ERR_COMPRESSION_TOO_LARGE' });
      expect(given).toBeLessThanOrEqual(Math.max(MiB, 100 * source.given * bomb.byteLength));
      expect(given).toBeLessThan(20 * MiB);
      await settled();
      expect(source.closed).toBe(1);
    });

    test('the ratio does not matter below the bytes that may come out anyway', async () => {
      const zeros = await compress(new Uint8Array(4 * MiB));
      const limits = { maxRatio: 1, ratioFromBytes: 4 * MiB };
      expect(await collect(decompress(chunked(zeros), compression, limits))).toHaveLength(4 * MiB);
      const reading = collect(decompress(chunked(zeros), compression, { ...limits, ratioFromBytes: 4 * MiB - 1 }));
      await expect(reading).rejects.toMatchObject({ code: 'ERR_COMPRESSION_TOO_LARGE' });
    });

    test('no limit is set unless asked for', async () => {
      const bomb = await compress(new Uint8Array(3 * MiB));
      let size = 0;
      for await (const chunk of decompress(chunked(bomb), compression)) size += chunk.byteLength;
      expect(size).toBe(3 * MiB);
    });

    test('a slow consumer bounds what is read', async () => {
      const source = watched(await compress(noise(100_000)));
      const reading = decompress(source, compression)[Symbol.asyncIterator]();
      await reading.next();
      await settled();
      const before = source.given;
      await settled();
      expect(source.given).toBe(before);
      expect(source.given).toBeLessThan(12);
      await reading.return?.();
      expect(source.closed).toBe(1);
    });

    test('leaving early closes the source', async () => {
      const source = watched(await compress(hello));
      for await (const chunk of decompress(source, compression)) if (chunk.byteLength > 0) break;
      expect(source.closed).toBe(1);
    });

    test('an error of the source comes through as it is', async () => {
      const failure = new Error('cable cut');
      const compressed = await compress(noise(1000));
      async function* failing(): AsyncGenerator<Uint8Array, void, void> {
        yield compressed.subarray(0, 500);
        throw failure;
      }
      await expect(collect(decompress(failing(), compression))).rejects.toBe(failure);
    });

    test('an abort gives its reason, even if the source is stuck', async () => {
      const controller = new AbortController();
      const reason = new Error('enough');
      const reading = collect(decompress(stuck(), compression, { signal: controller.signal }));
      await settled();
      controller.abort(reason);
      await expect(reading).rejects.toBe(reason);
    });

    test('an abort while chunks flow gives its reason and closes the source', async () => {
      const controller = new AbortController();
      const reason = new Error('enough');
      const source = watched(await compress(noise(100_000)));
      const reading = (async () => {
        let chunks = 0;
        for await (const chunk of decompress(source, compression, { signal: controller.signal })) {
          chunks += chunk.byteLength > 0 ? 1 : 0;
          if (chunks === 3) controller.abort(reason);
        }
      })();
      await expect(reading).rejects.toBe(reason);
      await settled();
      expect(source.closed).toBe(1);
    });

    test('what ends, fails or is left leaves no listener on its signal', async () => {
      const { signal } = new AbortController();
      const compressed = await compress(noise(100_000));
      await collect(decompress(chunked(compressed, 1000), compression, { signal }));
      await expect(collect(decompress(chunked(noise(100)), compression, { signal }))).rejects.toThrow();
      for await (const chunk of decompress(watched(compressed), compression, { signal })) {
        if (chunk.byteLength > 0) break;
      }
      expect(getEventListeners(signal, 'abort')).toHaveLength(0);
    });

    test.each([
      ['maxBytes', -1],
      ['maxBytes', Number.NaN],
      ['maxRatio', -0.1],
    ])('%s of %d is refused', (name, value) => {
      expect(() => decompress(chunked(hello), compression, { [name]: value })).toThrow(RangeError);
    });
  });

  test('a wrong CRC-32 or length of a gzip member is refused, also between members', async () => {
    const first = gzipSync(hello);
    for (const at of [first.byteLength - 8, first.byteLength - 4]) {
      const damaged = Buffer.from(first);
      damaged[at] = (damaged[at] as number) ^ 1;
      const reading = collect(decompress(chunked(Buffer.concat([damaged, first]), 100), 'gzip'));
      await expect(reading).rejects.toMatchObject({ code: 'ERR_COMPRESSION_CORRUPT' });
    }
  });

  test('gzip headers with a name, a comment and extra fields are read over', async () => {
    const bare = gzipSync(hello);
    const named = Buffer.concat([
      Buffer.from('1f8b081c0000000000ff', 'hex'),
      Buffer.from([3, 0, 1, 2, 3]),
      Buffer.from('name\0comment\0'),
      bare.subarray(10),
    ]);
    const both = Buffer.concat([named, named]);
    expect(Buffer.compare(await collect(decompress(chunked(both, 5), 'gzip')), Buffer.concat([hello, hello]))).toBe(0);
  });
});
