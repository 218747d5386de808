import { getEventListeners } from 'node:events';
import { gzipSync } from 'node:zlib';
import type { DigestAlgorithm } from '@slipway/digest-value';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { chunked, collect, distributions, noise, settled } from '../../test/support.ts';
import type { Compression } from '../compression/compressor.ts';
import type { MeasuredContent } from '../hashing/digester.ts';
import { digestBytes } from '../hashing/hashing.ts';
import { createZstdCompressor } from '../zstd/zstd.ts';
import { createUnpackDigester } from './unpack-digester.ts';
import type { UnpackDigesterOptions } from './unpacking.ts';

const MiB = 1024 * 1024;
const hello = new TextEncoder().encode('hello, world! '.repeat(20));
const corrupt = { name: 'CompressionError', code: 'ERR_COMPRESSION_CORRUPT' };
const tooLarge = { name: 'CompressionError', code: 'ERR_COMPRESSION_TOO_LARGE' };

type Compress = (plain: Uint8Array) => Uint8Array | Promise<Uint8Array>;
const gzip: Compress = (plain) => gzipSync(plain);
const zstd: Compress = (plain) =>
  collect(createZstdCompressor({ blockSize: 64 * 1024 }).compress(chunked(plain, 100_000)));

const contentOf = (plain: Uint8Array): MeasuredContent => ({ digest: digestBytes(plain), size: plain.byteLength });

/** Feeds chunks of these sizes, over and over, each in memory that is written over as soon as it may be. */
async function unpack(
  compressed: Uint8Array,
  compression: Compression,
  sizes: readonly number[] = [],
  options?: UnpackDigesterOptions,
): Promise<MeasuredContent> {
  using digester = createUnpackDigester(compression, options);
  for await (const chunk of chunked(compressed, ...sizes)) {
    const memory = Uint8Array.from(chunk);
    await digester.feed(memory);
    memory.fill(0xa5);
  }
  return await digester.end();
}

/** 200 KB that unpack to 200 MiB: they keep a thread busy for a while. */
const bomb = Buffer.concat(new Array<Uint8Array>(50).fill(gzipSync(new Uint8Array(4 * MiB))));

describe.each<[Compression, Compress]>([
  ['gzip', gzip],
  ['zstd', zstd],
  ['none', (plain) => plain],
])('%s', (compression, compress) => {
  test('any content in chunks of any sizes, written over once they were taken', async () => {
    const sizes = fc.array(fc.integer({ min: 500, max: 400_000 }), { maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...Object.values(distributions)),
        fc.integer({ min: 0, max: 700_000 }),
        fc.nat(),
        sizes,
        async (distribution, size, seed, sizes) => {
          const plain = distribution(size, seed);
          expect(await unpack(await compress(plain), compression, sizes)).toEqual(contentOf(plain));
        },
      ),
      { numRuns: 25 },
    );
    expect(await unpack(await compress(hello), compression, [1])).toEqual(contentOf(hello));
  });

  test('one chunk of many pieces', async () => {
    const plain = noise(3 * MiB);
    expect(await unpack(await compress(plain), compression)).toEqual(contentOf(plain));
  });

  test('chunks that are fed while others are still taken, in the order of the calls', async () => {
    const plain = noise(3 * MiB);
    const compressed = await compress(plain);
    using digester = createUnpackDigester(compression);
    const feeds: Promise<void>[] = [];
    for (let at = 0; at < compressed.byteLength; at += 500_000) {
      feeds.push(digester.feed(compressed.subarray(at, at + 500_000)));
    }
    await Promise.all(feeds);
    expect(await digester.end()).toEqual(contentOf(plain));
  });

  test('several at once', async () => {
    const plains = Array.from({ length: 12 }, (_, i) => distributions.mixed(200_000 + i, i));
    const measured = await Promise.all(plains.map(async (plain) => unpack(await compress(plain), compression, [9000])));
    expect(measured).toEqual(plains.map(contentOf));
  });

  test('sha512', async () => {
    const digest = digestBytes(hello, 'sha512');
    expect((await unpack(await compress(hello), compression, [], { algorithm: 'sha512' })).digest).toBe(digest);
  });

  test('maxBytes allows exactly that many', async () => {
    const compressed = await compress(hello);
    const size = hello.byteLength;
    expect((await unpack(compressed, compression, [], { maxBytes: size })).size).toBe(size);
    await expect(unpack(compressed, compression, [], { maxBytes: size - 1 })).rejects.toMatchObject(tooLarge);
  });

  test('an abort is heard by who feeds, with its own reason', async () => {
    const { signal, abort, reason } = abortable();
    using digester = createUnpackDigester(compression, { signal });
    const compressed = await compress(noise(500_000));
    await digester.feed(compressed.subarray(0, 1000));
    const feeding = digester.feed(new Uint8Array(Buffer.concat(new Array<Uint8Array>(5).fill(compressed))));
    abort();
    await expect(feeding).rejects.toBe(reason);
    await expect(digester.feed(hello)).rejects.toBe(reason);
    await expect(digester.end()).rejects.toBe(reason);
    expect(getEventListeners(signal, 'abort')).toHaveLength(0);
  });

  test('an abort is heard by who waits for the end', async () => {
    const { signal, abort, reason } = abortable();
    using digester = createUnpackDigester(compression, { signal });
    await digester.feed(await compress(hello));
    const ending = digester.end();
    abort();
    await expect(ending).rejects.toBe(reason);
    expect(getEventListeners(signal, 'abort')).toHaveLength(0);
  });

  test('an abort beforehand leaves nothing to do', async () => {
    const { signal, abort, reason } = abortable();
    abort();
    const digester = createUnpackDigester(compression, { signal });
    await expect(digester.feed(hello)).rejects.toBe(reason);
    await expect(digester.end()).rejects.toBe(reason);
    expect(getEventListeners(signal, 'abort')).toHaveLength(0);
  });

  test('what ends, fails or is given up leaves no listener on its signal, and hears of no abort', async () => {
    const { signal, abort } = abortable();
    const expected = contentOf(hello);
    expect(await unpack(await compress(hello), compression, [], { signal })).toEqual(expected);
    await expect(unpack(await compress(hello), compression, [], { signal, maxBytes: 1 })).rejects.toThrow();
    const left = createUnpackDigester(compression, { signal });
    await left.feed(await compress(hello));
    left[Symbol.dispose]();
    await settled();
    expect(getEventListeners(signal, 'abort')).toHaveLength(0);
    abort();
  });

  test('who gives it up rejects who waits for the end, and can say so again', async () => {
    const digester = createUnpackDigester(compression);
    await digester.feed(await compress(hello));
    const ending = digester.end();
    digester[Symbol.dispose]();
    digester[Symbol.dispose]();
    await expect(ending).rejects.toThrow();
  });

  test('one that is given up before its end has none', async () => {
    const digester = createUnpackDigester(compression);
    await digester.feed(await compress(hello));
    digester[Symbol.dispose]();
    await expect(digester.end()).rejects.toThrow();
  });

  test.each([
    ['maxBytes', -1],
    ['maxRatio', Number.NaN],
    ['ratioFromBytes', -0.1],
  ])('%s of %d is refused', (name, value) => {
    expect(() => createUnpackDigester(compression, { [name]: value })).toThrow(RangeError);
  });
});

test.each([
  ['a byte', Buffer.from('x')],
  ['padding of a tape', Buffer.alloc(10_240)],
  ['text', Buffer.from('this is no gzip member at all, and longer than a header')],
  ['the beginning of a header', Buffer.from([0x1f, 0x8b])],
])('%s behind gzip is ignored, in one piece and in many', async (_name, surplus) => {
  const plain = noise(30_000);
  const all = Buffer.concat([gzipSync(hello), gzipSync(plain), surplus]);
  for (const sizes of [[], [777], [1]]) {
    expect(await unpack(all, 'gzip', sizes)).toEqual(contentOf(Buffer.concat([hello, plain])));
  }
});

describe.each<['gzip' | 'zstd', Compress]>([
  ['gzip', gzip],
  ['zstd', zstd],
])('damaged %s', (compression, compress) => {
  test('any number of members or frames are one content; what follows the last is refused where that is wanted', async () => {
    const parts = [hello, new Uint8Array(0), noise(30_000)];
    const joined = Buffer.concat(await Promise.all(parts.map(compress)));
    expect(await unpack(joined, compression, [777])).toEqual(contentOf(Buffer.concat(parts)));
    for (const surplus of [Buffer.from('x'), Buffer.alloc(20)]) {
      const all = Buffer.concat([joined, surplus]);
      await expect(unpack(all, compression, [777], { surplus: 'refuse' })).rejects.toMatchObject(corrupt);
    }
  });

  test('content that was cut, or is none, is refused', async () => {
    const compressed = await compress(noise(3000));
    for (const size of [0, 1, 9, 11, 1000, compressed.byteLength - 1]) {
      await expect(unpack(compressed.subarray(0, size), compression, [100]), `${size}`).rejects.toMatchObject(corrupt);
    }
    await expect(unpack(noise(1000), compression)).rejects.toMatchObject(corrupt);
  });

  test('who feeds on after damage hears of it without asking for the end, and again after that', async () => {
    using digester = createUnpackDigester(compression);
    const feeding = (async () => {
      for (let i = 0; i < 10_000; i += 1) {
        await digester.feed(noise(10_000));
        await settled();
      }
    })();
    await expect(feeding).rejects.toMatchObject(corrupt);
    await expect(digester.feed(hello)).rejects.toMatchObject(corrupt);
    await expect(digester.end()).rejects.toMatchObject(corrupt);
  });

  test('a bomb is refused once it has given more than may come out at any ratio', async () => {
    const zeros = await compress(new Uint8Array(4 * MiB));
    const limits = { maxRatio: 1, ratioFromBytes: 4 * MiB };
    expect((await unpack(zeros, compression, [], limits)).size).toBe(4 * MiB);
    const less = { ...limits, ratioFromBytes: 4 * MiB - 1 };
    await expect(unpack(zeros, compression, [], less)).rejects.toMatchObject(tooLarge);
    await expect(unpack(zeros, compression, [100], { maxRatio: 50 })).rejects.toMatchObject(tooLarge);
  });
});

describe('gzip on threads', () => {
  test('a checksum that is wrong is refused, also between members', async () => {
    const member = gzipSync(hello);
    const damaged = Uint8Array.from(member, (byte, i) => (i === member.byteLength - 8 ? byte ^ 1 : byte));
    await expect(unpack(damaged, 'gzip')).rejects.toMatchObject(corrupt);
    await expect(unpack(Buffer.concat([damaged, member]), 'gzip')).rejects.toMatchObject(corrupt);
  });

  test('who feeds waits while a thread is busy, and is heard by it in the end', async () => {
    using digester = createUnpackDigester('gzip');
    let isTaken = false;
    const feeding = digester.feed(bomb).then(() => {
      isTaken = true;
    });
    await settled();
    expect(isTaken).toBe(false);
    await feeding;
    expect((await digester.end()).size).toBe(200 * MiB);
  });

  test('an abort while it waits rejects who feeds', async () => {
    const { signal, abort, reason } = abortable();
    using digester = createUnpackDigester('gzip', { signal });
    const feeding = digester.feed(bomb);
    await settled();
    abort();
    await expect(feeding).rejects.toBe(reason);
  });
});

test('another compression is refused', () => {
  // @ts-expect-error -- what a caller without types may do
  expect(() => createUnpackDigester('lzip')).toThrow(TypeError);
});

test.each(['gzip', 'zstd', 'none'] as const)(
  '%s: an algorithm that no digest is made with is refused',
  (compression) => {
    const algorithm = 'md5' as DigestAlgorithm;
    expect(() => createUnpackDigester(compression, { algorithm })).toThrow(
      expect.objectContaining({ code: 'ERR_DIGEST_UNSUPPORTED' }),
    );
  },
);

function abortable(): { signal: AbortSignal; abort: () => void; reason: Error } {
  const controller = new AbortController();
  const reason = new Error('enough');
  return { signal: controller.signal, abort: () => controller.abort(reason), reason };
}
