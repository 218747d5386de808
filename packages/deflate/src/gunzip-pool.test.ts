import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { compileFunction } from 'node:vm';
import { constants, deflateRawSync, gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { deflateSync, gzipSync as fflateGzipSync } from 'fflate';
import { afterAll, describe, expect, test } from 'vitest';
import { inputOf, kinds, randomFrom } from '../test/corpus.ts';
import {
  bareHeader,
  cut,
  damaged,
  gunzipHash,
  hashOf,
  headerOf,
  inflateReading,
  memberOf,
  zlibHash,
} from '../test/gzip-streams.ts';
import { BitWriter, codesOf, oddDeflate, plainCodes } from '../test/odd-deflate.ts';
import { decoderModule } from './decoder.ts';
import { deflateBlock } from './deflate.ts';
import { createGunzipHashPool, type GunzipHash, type GunzipHashOptions } from './gunzip-pool.ts';
import { type GunzipAnswer, type GunzipRequest, gunzipWorkerSource } from './gunzip-worker.ts';
import type { DeflateLevel } from './options.ts';
import { webAssembly } from './web-assembly.ts';

const MiB = 2 ** 20;
const corrupt = { name: 'DeflateError', code: 'ERR_INFLATE_CORRUPT' };
const tooLarge = { name: 'DeflateError', code: 'ERR_INFLATE_TOO_LARGE' };
const closed = { name: 'DeflateError', code: 'ERR_DEFLATE_CLOSED' };

const hello = new TextEncoder().encode('hello, world! '.repeat(9));
const zeros = gzipSync(new Uint8Array(4 * MiB));

const pool = createGunzipHashPool({ threads: 2 });
afterAll(() => pool[Symbol.asyncDispose]());

/** Reads `bytes` in pieces of these sizes, over and over; in one without them. */
const gunzip = (bytes: Uint8Array, sizes: readonly number[] = [], options?: GunzipHashOptions): Promise<GunzipHash> =>
  gunzipHash(pool, cut(bytes, sizes), options);

const strategies = {
  default: constants.Z_DEFAULT_STRATEGY,
  filtered: constants.Z_FILTERED,
  huffmanOnly: constants.Z_HUFFMAN_ONLY,
  runs: constants.Z_RLE,
  fixed: constants.Z_FIXED,
};

type Encoder = readonly [name: string, deflate: (plain: Uint8Array) => Uint8Array];
const encoders: readonly Encoder[] = [
  ...[0, 1, 6, 9].flatMap((level) =>
    Object.entries(strategies).map(
      ([name, strategy]): Encoder => [
        `node:zlib ${level} ${name}`,
        (plain) => deflateRawSync(plain, { level, strategy }),
      ],
    ),
  ),
  ['node:zlib, window of 512 bytes', (plain) => deflateRawSync(plain, { windowBits: 9, memLevel: 1 })],
  ...([0, 1, 6, 9] as const).map(
    (level): Encoder => [`fflate ${level}`, (plain) => deflateSync(plain, { level, mem: 4 })],
  ),
  ...([1, 2, 3, 6] as const).map(
    (level: DeflateLevel): Encoder => [`deflateBlock ${level}`, (plain) => deflateBlock(plain, { level })],
  ),
];

describe('what is read', () => {
  test.each(encoders)('%s: every kind, in pieces of any size', async (_name, deflate) => {
    for (const [i, kind] of kinds.entries()) {
      const plain = inputOf(kind, 3000 + i * 17_000, i);
      const member = memberOf(deflate(plain), plain);
      for (const sizes of [[], [997, 0, 64 * 1024 + 1]]) {
        expect(await gunzip(member, sizes), kind).toEqual(hashOf(plain));
      }
    }
  });

  test('any content of up to 3 MiB, of any encoder, cut anyhow', async () => {
    const size = fc.oneof(fc.integer({ min: 0, max: 5000 }), fc.integer({ min: 0, max: 3 * MiB }));
    const sizes = fc.array(fc.oneof(fc.constant(0), fc.integer({ min: 300, max: 200_000 })), { maxLength: 5 });
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...kinds),
        size,
        fc.nat(),
        fc.constantFrom(...encoders),
        sizes,
        async (kind, size, seed, [, deflate], sizes) => {
          const plain = inputOf(kind, size, seed);
          expect(await gunzip(memberOf(deflate(plain), plain), sizes)).toEqual(hashOf(plain));
        },
      ),
      { numRuns: 60 },
    );
  });

  test('byte by byte', async () => {
    for (const [i, kind] of kinds.entries()) {
      const plain = inputOf(kind, 4000, i);
      expect(await gunzip(gzipSync(plain), [1]), kind).toEqual(hashOf(plain));
    }
  });

  test('codes and blocks that no encoder makes', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(), async (seed) => {
        const random = randomFrom(seed);
        const deflated = oddDeflate(random, false);
        const { plain, read } = inflateReading(deflated);
        expect(read).toBe(deflated.byteLength);
        const member = memberOf(deflated, plain as Uint8Array);
        expect(await gunzip(member, [1 + random(3000), 1 + random(60)])).toEqual(hashOf(plain as Uint8Array));
      }),
      { numRuns: 300 },
    );
  });

  test('any number of members, empty ones among them, cut anywhere', async () => {
    const parts = [hello, new Uint8Array(0), inputOf('mixed', 200_000, 1), new Uint8Array(0), hello];
    const members = parts.map((part, i) => (i % 2 === 0 ? gzipSync(part) : fflateGzipSync(part)));
    const expected = hashOf(Buffer.concat(parts));
    expect(await gunzipHash(pool, members)).toEqual(expected);
    const joined = Buffer.concat(members);
    for (const sizes of [[], [1, 7, 10_000], [64 * 1024]]) expect(await gunzip(joined, sizes)).toEqual(expected);
    const border = (members[0] as Uint8Array).byteLength;
    for (let at = border - 9; at < border + 40; at += 1) {
      expect(await gunzip(joined, [at, joined.byteLength])).toEqual(expected);
    }
    expect(await gunzip(gzipSync(''))).toEqual(hashOf(new Uint8Array(0)));
  });

  test.each([
    ['extra bytes', { extra: Uint8Array.of(1, 2, 3) }],
    ['no extra bytes', { extra: new Uint8Array(0) }],
    ['as many extra bytes as can be', { extra: new Uint8Array(65_535).fill(0x1f) }],
    ['a name', { name: 'layer.tar' }],
    ['an empty name and comment', { name: '', comment: '' }],
    ['a name longer than the decoder takes at once', { name: 'n'.repeat(150_000) }],
    ['a comment', { comment: 'why' }],
    ['a checksum', { isChecked: true }],
    [
      'all of these',
      { extra: new Uint8Array(300), name: 'n'.repeat(70_000), comment: 'c'.repeat(9), isChecked: true, flags: 1 },
    ],
  ])('headers with %s are read over', async (_name, parts) => {
    const bare = deflateRawSync(hello);
    const member = memberOf(bare, hello, headerOf(parts));
    expect(zlibHash(member)).toEqual(hashOf(hello));
    const two = Buffer.concat([member, member]);
    for (const sizes of [[], [1000], [11, 65_536]]) {
      expect(await gunzip(two, sizes)).toEqual(hashOf(Buffer.concat([hello, hello])));
    }
    if (member.byteLength < 1000) expect(await gunzip(member, [1])).toEqual(hashOf(hello));
  });

  test('matches as far back as deflate allows, over the seams of the window', async () => {
    const word = inputOf('noise', 32_768, 1);
    const plain = Buffer.concat(Array.from({ length: 12 }, (_, i) => (i % 3 === 2 ? inputOf('noise', 7, i) : word)));
    for (const sizes of [[], [5000], [65_537]]) expect(await gunzip(gzipSync(plain), sizes)).toEqual(hashOf(plain));
  });

  test('input is not changed, and may be shared or part of a larger buffer', async () => {
    const plain = inputOf('mixed', 100_000, 2);
    const member = gzipSync(plain);
    const shared = new Uint8Array(new SharedArrayBuffer(member.byteLength + 20)).subarray(10, -10);
    shared.set(member);
    expect(await gunzipHash(pool, [shared])).toEqual(hashOf(plain));
    const copy = Buffer.concat([Buffer.alloc(5), member, Buffer.alloc(5)]);
    expect(await gunzip(copy.subarray(5, -5))).toEqual(hashOf(plain));
    expect(Buffer.compare(copy.subarray(5, -5), member)).toBe(0);
  });

  test('memory may be written over once it was read', async () => {
    const plain = inputOf('words', 300_000, 2);
    const memory = new Uint8Array(new SharedArrayBuffer(5000));
    using run = pool.begin();
    for (const piece of cut(gzipSync(plain), [5000])) {
      memory.set(piece);
      await run.write(memory.subarray(0, piece.byteLength));
      memory.fill(0xff);
    }
    expect(await run.end()).toEqual(hashOf(plain));
  });

  test.each(['sha512', 'sha384', 'md5'])('%s', async (algorithm) => {
    expect(await gunzip(gzipSync(hello), [], { algorithm })).toEqual(hashOf(hello, algorithm));
  });
});

/** `size` code lengths, 0 but for these. */
function lengths(size: number, given: Readonly<Record<number, number>>): number[] {
  return Array.from({ length: size }, (_, symbol) => given[symbol] ?? 0);
}

/**
 * A final block with these codes, and symbols of the first of them; numbers in brackets are said as they are: value,
 * bits.
 */
function block(
  literals: readonly number[],
  distances: readonly number[],
  ...symbols: readonly (number | readonly [number, number])[]
): Uint8Array {
  const out = new BitWriter().bits(1, 1).bits(2, 2);
  plainCodes(out, literals, distances);
  return withSymbols(out, literals, symbols);
}

function withSymbols(
  out: BitWriter,
  literals: readonly number[],
  symbols: readonly (number | readonly [number, number])[],
): Uint8Array {
  const codes = codesOf(literals);
  for (const symbol of symbols) {
    if (typeof symbol === 'number') out.code(codes[symbol] as number, literals[symbol] as number);
    else out.bits(...symbol);
  }
  return out.bytes();
}

const fixedLengths = Array.from({ length: 288 }, (_, i) => (i < 144 ? 8 : i < 256 ? 9 : i < 280 ? 7 : 8));
const fixed = (...symbols: readonly (number | readonly [number, number])[]): Uint8Array =>
  withSymbols(new BitWriter().bits(1, 1).bits(1, 2), fixedLengths, symbols);

/**
 * A block of one A, whose code lengths are said in these words; of the code of code lengths, these symbols have so many
 * bits.
 */
function worded(
  metas: Readonly<Record<number, number>>,
  ...words: readonly (number | readonly [number, number])[]
): Uint8Array {
  const out = new BitWriter().bits(1, 1).bits(2, 2).bits(0, 5).bits(0, 5).bits(14, 4);
  for (const symbol of [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1]) out.bits(metas[symbol] ?? 0, 3);
  withSymbols(out, lengths(19, metas), words);
  return withSymbols(out, lengths(257, literal), [65, 256]);
}

const zeroLengths = (count: number): number[] => new Array<number>(count).fill(0);
/** What a code of one symbol has no meaning for. */
const otherBits = (count: number): (readonly [number, number])[] => Array.from({ length: count }, () => [1, 1]);

/** More than the window holds: a distance that does not exist has something to point at. */
const far: readonly (number | readonly [number, number])[] = [
  65,
  ...Array.from({ length: 130 }, () => [285, [0, 5] as const]).flat(),
];

const literal = { 65: 1, 256: 1 };
const withMatch = { 65: 1, 256: 2, 257: 2 };

test('a match whose codes are as long as can be, after two literals, is read over any edge', async () => {
  const deep = [66, 67, 68, 69, 70, 71, 72, 73, 74, 285, 65, 75, 76, 77, 256];
  const literals = lengths(286, { ...Object.fromEntries(deep.map((symbol, i) => [symbol, i + 1])), 284: 15 });
  const distances = [...Array.from({ length: 14 }, (_, i) => i + 1), ...zeroLengths(14), 15, 15];
  const longest = Array.from(
    { length: 40 },
    (_, i) => [65, 65, 284, [i % 31, 5], [0x3fff, 15], [i * 200, 13]] as const,
  );
  const filling = Array.from({ length: 130 }, () => [285, [0, 1]] as const);
  const deflated = block(literals, distances, 65, ...filling.flat(), ...longest.flat(), 256);
  const plain = inflateReading(deflated).plain as Uint8Array;
  const member = memberOf(deflated, plain);
  for (let at = 1; at < member.byteLength; at += 1) {
    expect(await gunzip(member, [at, member.byteLength]), `cut at ${at}`).toEqual(hashOf(plain));
  }
});

describe('what is refused', () => {
  test.each([
    ['the last block type', new BitWriter().bits(1, 1).bits(3, 2).bits(0, 60).bytes()],
    [
      'a stored block whose lengths differ',
      new BitWriter().bits(1, 8).bits(5, 16).bits(0xfffb, 16).bits(0, 40).bytes(),
    ],
    ['a final block that is not there', fixed(65, 256).map((byte, i) => (i === 0 ? byte & 0xfe : byte))],
    ['287 literals and lengths', block(lengths(287, literal), [1], 65, 256)],
    ['31 distances', block(lengths(257, literal), lengths(31, { 0: 1 }), 65, 256)],
    [
      'a repetition of nothing',
      worded({ 0: 1, 1: 2, 16: 2 }, 16, [0, 2], ...zeroLengths(62), 1, ...zeroLengths(190), 1, 1),
    ],
    [
      'more repetitions than symbols',
      worded({ 0: 1, 1: 2, 18: 2 }, ...zeroLengths(65), 1, ...zeroLengths(190), 1, 18, [0, 7]),
    ],
    ['a code of code lengths that has one symbol', worded({ 1: 1 }, ...otherBits(65), 1, ...otherBits(190), 1, 1)],
    ['too many literals', block(lengths(257, { 65: 1, 66: 1, 256: 1 }), [1], 65, 256)],
    ['too many distances', block(lengths(257, literal), [1, 1, 1], 65, 256)],
    ['too few literals', block(lengths(257, { 65: 2, 256: 2 }), [1], 65, 256)],
    ['one literal of two bits', block(lengths(257, { 256: 2 }), [1], 256)],
    ['too few distances', block(lengths(257, literal), [2, 2], 65, 256)],
    ['one distance of two bits', block(lengths(257, literal), [2], 65, 256)],
    ['no end of the block', block(lengths(257, { 65: 1, 66: 1 }), [1], 65, 65)],
    ['the code that a code of one bit leaves out', block(lengths(257, { 256: 1 }), [1], [1, 1])],
    ['a match without distances', block(lengths(258, withMatch), [0], 65, 257, [0, 1], 256)],
    ['a distance that a code of one leaves out', block(lengths(258, withMatch), [1], 65, 257, [1, 1], 256)],
    ['a match with nothing before it', fixed(257, [0, 5], 256)],
    ['a match from before the beginning', fixed(65, 66, 257, [0b01000, 5], 256)],
    ['length symbol 286', fixed(65, 286, [0, 5], 256)],
    ['length symbol 287', fixed(65, 287, [0, 5], 256)],
    ['distance symbol 30', fixed(...far, 257, [0b01111, 5], [0, 14], 256)],
    ['distance symbol 31', fixed(...far, 257, [0b11111, 5], [0, 14], 256)],
  ])('%s', async (_name, deflated) => {
    expect(inflateReading(deflated).plain).toBeUndefined();
    const refused = { ...corrupt, message: expect.not.stringContaining('checksum') };
    await expect(gunzip(memberOf(deflated, new Uint8Array(0)))).rejects.toMatchObject(refused);
    await expect(gunzip(memberOf(deflated, new Uint8Array(0)), [1])).rejects.toMatchObject(refused);
  });

  test.each([
    ['an empty stored block', new BitWriter().bits(1, 8).bits(0, 16).bits(0xffff, 16).bytes()],
    ['an empty block', fixed(256)],
    [
      'code lengths that are repeated',
      worded({ 0: 1, 1: 3, 16: 3, 18: 2 }, 18, [54, 7], 1, 0, 16, [3, 2], ...zeroLengths(183), 1, 1),
    ],
    ['286 literals and lengths', block(lengths(286, literal), [1], 65, 256)],
    ['30 distances', block(lengths(257, literal), lengths(30, { 0: 1 }), 65, 256)],
    ['nothing but an end', block(lengths(257, { 256: 1 }), [1], 256)],
    ['no distances, unless a match wants one', block(lengths(258, withMatch), [0], 65, 256)],
    ['one distance of one bit', block(lengths(258, withMatch), [1], 65, 257, [0, 1], 256)],
    ['a match of what it makes itself', fixed(65, 66, 67, 257, [0b01000, 5], 256)],
  ])('%s is not', async (_name, deflated) => {
    const { plain } = inflateReading(deflated);
    expect(await gunzip(memberOf(deflated, plain as Uint8Array))).toEqual(hashOf(plain as Uint8Array));
  });

  test('a stream that was cut anywhere', async () => {
    const members = [gzipSync(hello), memberOf(deflateRawSync(hello, { level: 0 }), hello, headerOf({ name: 'a' }))];
    const whole = Buffer.concat(members);
    const border = (members[0] as Uint8Array).byteLength;
    for (let size = 0; size < whole.byteLength; size += 1) {
      if (size === border) continue;
      const refused = { ...corrupt, message: 'Unpacking gzip: unexpected end' };
      await expect(gunzip(whole.subarray(0, size)), `${size} bytes`).rejects.toMatchObject(refused);
    }
  });

  test.each([
    ['text', Buffer.from('surplus')],
    ['one byte', Buffer.from('x')],
    ['one zero', Buffer.alloc(1)],
    ['as many zeros as a header has bytes', Buffer.alloc(10)],
    ['many zeros', Buffer.alloc(100_000)],
    ['zeros and another member', Buffer.concat([Buffer.alloc(3), gzipSync(hello)])],
    ['the beginning of a header', Buffer.from([0x1f, 0x8b, 8])],
  ])('%s after the last member', async (_name, surplus) => {
    const member = gzipSync(hello);
    const whole = Buffer.concat([member, surplus]);
    await expect(gunzip(whole)).rejects.toMatchObject(corrupt);
    await expect(gunzip(whole, [member.byteLength, surplus.byteLength])).rejects.toMatchObject(corrupt);
    for (const sizes of [[], [member.byteLength, surplus.byteLength], [7]]) {
      expect(await gunzip(whole, sizes, { surplus: 'ignore' })).toEqual(hashOf(hello));
    }
  });

  test('surplus that is ignored is none before the first member, and none within one', async () => {
    const member = gzipSync(hello);
    const ignoring: GunzipHashOptions = { surplus: 'ignore' };
    await expect(gunzip(Buffer.concat([Buffer.from('x'), member]), [], ignoring)).rejects.toMatchObject(corrupt);
    await expect(gunzip(member.subarray(0, -1), [], ignoring)).rejects.toMatchObject(corrupt);
    const damaged = gzipSync(inputOf('noise', 300_000, 1)).subarray(0, -1);
    await expect(gunzip(Buffer.concat([member, damaged]), [], ignoring)).rejects.toMatchObject(corrupt);
    // One that is cut before its first content is surplus: the hash says that something is missing.
    expect(await gunzip(Buffer.concat([member, member.subarray(0, 12)]), [], ignoring)).toEqual(hashOf(hello));
  });

  test.each([
    ['a wrong CRC-32', 8],
    ['a wrong size', 4],
    ['a size that is wrong in its last byte', 1],
  ])('%s, also between members', async (_name, fromEnd) => {
    const member = gzipSync(hello);
    const wrong = Buffer.from(member);
    wrong[member.byteLength - fromEnd] = (wrong[member.byteLength - fromEnd] as number) ^ 1;
    for (const stream of [[wrong], [member, wrong], [wrong, member]]) {
      const outcome = gunzip(Buffer.concat(stream), [50]);
      await expect(outcome).rejects.toMatchObject({ ...corrupt, message: 'Unpacking gzip: wrong checksum' });
    }
  });

  // The second size brings the window's move between the member's beginning and the match.
  test.each([100, 194_000])('a match from the member before, of %i bytes', async (size) => {
    const member = gzipSync(inputOf('noise', size, 1));
    const near = far.slice(0, 41); // 5,161 bytes
    for (const reaching of [fixed(257, [0, 5], 256), fixed(...near, 257, [0b01011, 5], [0, 12], 256)]) {
      const stream = Buffer.concat([member, memberOf(reaching, new Uint8Array(0))]);
      expect(zlibHash(stream)).toBeUndefined();
      await expect(gunzip(stream)).rejects.toMatchObject({
        ...corrupt,
        message: expect.stringMatching(/^Unpacking gzip: invalid data/),
      });
      await expect(gunzip(stream, [member.byteLength])).rejects.toMatchObject(corrupt);
    }
  });

  test.each<[string, Uint8Array]>([
    ['another magic number', Uint8Array.from(bareHeader, (byte, i) => (i === 1 ? 0x8c : byte))],
    ['another method', Uint8Array.from(bareHeader, (byte, i) => (i === 2 ? 7 : byte))],
    ['the first flag that nobody knows', headerOf({ flags: 0x20 })],
    ['the last flag that nobody knows', headerOf({ flags: 0x80 })],
    ['a wrong checksum', headerOf({ isChecked: true }).map((byte, i) => (i === 10 ? byte ^ 1 : byte))],
    ['a wrong second byte of it', headerOf({ name: 'n', isChecked: true }).map((byte, i) => (i === 13 ? ~byte : byte))],
  ])('a header with %s', async (_name, header) => {
    const member = memberOf(deflateRawSync(hello), hello, header);
    expect(zlibHash(member)).toBeUndefined();
    await expect(gunzip(member)).rejects.toMatchObject(corrupt);
    await expect(gunzip(Buffer.concat([gzipSync(hello), member]), [3])).rejects.toMatchObject(corrupt);
  });

  test('nothing, and anything else', async () => {
    await expect(gunzip(new Uint8Array(0))).rejects.toMatchObject(corrupt);
    await expect(gunzip(inputOf('noise', 100_000, 1))).rejects.toMatchObject(corrupt);
    await expect(gunzip(new Uint8Array(100_000))).rejects.toMatchObject(corrupt);
  });

  test('all later calls say the same', async () => {
    using run = pool.begin();
    const failure = await run.write(new Uint8Array(100)).catch((error: unknown) => error);
    expect(failure).toMatchObject(corrupt);
    await expect(run.write(hello)).rejects.toBe(failure);
    await expect(run.end()).rejects.toBe(failure);
  });
});

describe('damage', () => {
  test('of members: zlib is of the same opinion', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(), async (seed) => {
        const random = randomFrom(seed);
        const members = Array.from({ length: 1 + random(2) }, (_, i) => {
          const plain = inputOf(kinds[random(kinds.length)] ?? 'mixed', random(2000), seed + i);
          const header = random(2) === 0 ? bareHeader : headerOf({ name: 'n', isChecked: true });
          return memberOf(deflateRawSync(plain, { level: random(10) }), plain, header);
        });
        await expectSame(damaged(Buffer.concat(members), random), [1 + random(2000)]);
      }),
      { numRuns: 1500 },
    );
  });

  // No checksum refuses what the decoder should have: where zlib reads the deflate, the member around it is right.
  test('of deflate: zlib is of the same opinion', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(), fc.boolean(), async (seed, isOdd) => {
        const random = randomFrom(seed);
        const input = (): Uint8Array => inputOf(kinds[random(kinds.length)] ?? 'mixed', random(2000), seed);
        const whole = isOdd ? oddDeflate(random, true) : deflateRawSync(input(), { level: random(10) });
        const deflated = isOdd && random(2) === 0 ? whole : damaged(whole, random);
        const { plain, read } = inflateReading(deflated);
        const outcome = gunzip(memberOf(deflated.subarray(0, plain && read), plain ?? hello), [1 + random(2000)]);
        if (plain !== undefined) expect(await outcome).toEqual(hashOf(plain));
        else
          await expect(outcome).rejects.toMatchObject({ ...corrupt, message: expect.not.stringContaining('checksum') });
      }),
      { numRuns: 1000 },
    );
  });

  async function expectSame(bytes: Uint8Array, sizes: readonly number[]): Promise<void> {
    const expected = zlibHash(bytes);
    if (expected !== undefined) expect(await gunzip(bytes, sizes)).toEqual(expected);
    else await expect(gunzip(bytes, sizes)).rejects.toMatchObject(corrupt);
  }
});

describe('limits', () => {
  test('maxSize allows exactly that many bytes, over all members', async () => {
    const two = Buffer.concat([gzipSync(hello), gzipSync(hello)]);
    const size = 2 * hello.byteLength;
    expect((await gunzip(two, [], { maxSize: size })).size).toBe(size);
    await expect(gunzip(two, [], { maxSize: size - 1 })).rejects.toMatchObject(tooLarge);
    expect((await gunzip(gzipSync(''), [], { maxSize: 0 })).size).toBe(0);
    await expect(gunzip(gzipSync('a'), [], { maxSize: 0 })).rejects.toMatchObject(tooLarge);
  });

  test('maxRatio counts once more than ratioFromSize have come out', async () => {
    expect((await gunzip(zeros, [], { maxRatio: 1, ratioFromSize: 4 * MiB })).size).toBe(4 * MiB);
    const limits = { maxRatio: 1, ratioFromSize: 4 * MiB - 1 };
    await expect(gunzip(zeros, [], limits)).rejects.toMatchObject(tooLarge);
    await expect(gunzip(zeros, [1000], { maxRatio: 900 })).rejects.toMatchObject(tooLarge);
    expect((await gunzip(zeros, [1000], { maxRatio: 1100 })).size).toBe(4 * MiB);
    expect((await gunzip(gzipSync(new Uint8Array(MiB)), [], { maxRatio: 1 })).size).toBe(MiB);
    await expect(gunzip(gzipSync(new Uint8Array(MiB + 1)), [], { maxRatio: 1 })).rejects.toMatchObject(tooLarge);
  });

  test('a bomb is given up as soon as it is known for one', async () => {
    const failure = await gunzip(zeros, [], { maxSize: 1000 }).catch((error: Error) => error);
    expect(failure).toMatchObject(tooLarge);
    const [, size] = /got (\d+) bytes from \d+, more than allowed$/.exec((failure as Error).message) ?? [];
    expect(Number(size)).toBeLessThan(MiB / 4);
  });

  test('none is set unless asked for', async () => {
    expect((await gunzip(zeros)).size).toBe(4 * MiB);
  });

  test.each([
    ['maxSize', -1],
    ['maxSize', Number.NaN],
    ['maxRatio', -0.1],
    ['maxRatio', Number.NaN],
    ['ratioFromSize', -1],
    ['ratioFromSize', Number.NaN],
  ])('%s of %d is refused', (name, value) => {
    expect(() => pool.begin({ [name]: value })).toThrow(RangeError);
  });
});

describe('the pool', () => {
  test.each([1, 3])('runs on %i threads do not disturb each other', async (threads) => {
    await using own = createGunzipHashPool({ threads });
    const all = Array.from({ length: 14 }, (_, i) => {
      const plain = inputOf(kinds[i % kinds.length] ?? 'mixed', 150_000 + i, i);
      const member = i % 5 === 4 ? damaged(gzipSync(plain), randomFrom(i)) : gzipSync(plain);
      return { expected: zlibHash(member), pieces: cut(member, [1000 + 977 * i]), run: own.begin() };
    });
    const writes: Promise<void>[] = [];
    for (let i = 0; i < 200; i += 1) {
      for (const { run, pieces } of all) if (pieces[i] !== undefined) writes.push(run.write(pieces[i] as Uint8Array));
      if (i % 20 === 0) await Promise.allSettled(writes);
    }
    const outcomes = await Promise.allSettled(all.map(({ run }) => run.end()));
    await Promise.allSettled(writes);
    for (const [i, outcome] of outcomes.entries()) {
      const expected = all[i]?.expected;
      if (expected !== undefined) expect(outcome).toEqual({ status: 'fulfilled', value: expected });
      else expect(outcome).toEqual({ status: 'rejected', reason: expect.objectContaining(corrupt) });
    }
  });

  test('a run that is given up rejects what is under way, and the others go on', async () => {
    await using own = createGunzipHashPool({ threads: 1 });
    const plain = inputOf('mixed', 300_000, 1);
    const pieces = cut(gzipSync(plain), [20_000]);
    const other = own.begin();
    const run = own.begin();
    await run.write(pieces[0] as Uint8Array);
    const writing = run.write(pieces[1] as Uint8Array);
    const going = pieces.map((piece) => other.write(piece));
    run[Symbol.dispose]();
    run[Symbol.dispose]();
    await expect(writing).rejects.toMatchObject(closed);
    await expect(run.write(pieces[2] as Uint8Array)).rejects.toMatchObject(closed);
    await expect(run.end()).rejects.toMatchObject(closed);
    await Promise.all(going);
    expect(await other.end()).toEqual(hashOf(plain));
  });

  test('a run that is given up at its end is rejected too; one that has ended does not mind', async () => {
    const run = pool.begin();
    await run.write(gzipSync(hello));
    const ending = run.end();
    run[Symbol.dispose]();
    await expect(ending).rejects.toMatchObject(closed);
    const other = pool.begin();
    await other.write(gzipSync(hello));
    expect(await other.end()).toEqual(hashOf(hello));
    other[Symbol.dispose]();
    await expect(other.write(hello)).rejects.toThrow(TypeError);
  });

  test('nothing can be written after the end, even while it is awaited', async () => {
    using run = pool.begin();
    await run.write(gzipSync(hello));
    const ending = run.end();
    await expect(run.write(hello)).rejects.toThrow(TypeError);
    await expect(run.end()).rejects.toThrow('Expected a stream that has not ended, got one after `end`');
    expect(await ending).toEqual(hashOf(hello));
  });

  test('disposal rejects what is under way, and can be repeated', async () => {
    const own = createGunzipHashPool({ threads: 2 });
    const runs = [own.begin(), own.begin(), own.begin()];
    const begun = runs.map((run) => run.write(zeros));
    const idle = own.begin();
    const outcomes = Promise.allSettled([...begun, runs[0]?.end()]);
    await own[Symbol.asyncDispose]();
    await own[Symbol.asyncDispose]();
    const rejected = { status: 'rejected', reason: expect.objectContaining(closed) };
    expect(await outcomes).toEqual([rejected, rejected, rejected, rejected]);
    await expect(runs[1]?.write(hello)).rejects.toMatchObject(closed);
    await expect(idle.write(hello)).rejects.toMatchObject(closed);
    await expect(idle.end()).rejects.toMatchObject(closed);
    expect(() => own.begin()).toThrow(expect.objectContaining(closed));
  });

  test('a hash that nobody knows is refused at once, and the runs of the thread go on', async () => {
    await using own = createGunzipHashPool({ threads: 1 });
    const run = own.begin();
    await run.write(gzipSync(hello));
    expect(() => own.begin({ algorithm: 'sha257' })).toThrow(
      'Expected `algorithm` to be a hash of node:crypto, got "sha257"',
    );
    expect(await run.end()).toEqual(hashOf(hello));
  });

  test.each([0, -1, 1.5, Number.NaN])('%d threads are refused', (threads) => {
    expect(() => createGunzipHashPool({ threads })).toThrow(RangeError);
  });

  test('a pool that was never used has nothing to end', async () => {
    await using own = createGunzipHashPool();
    expect(own.threads).toBeGreaterThan(0);
  });

  test('a program ends with its last result, whatever became of its pool and runs', () => {
    const here = (name: string): string => new URL(name, import.meta.url).href;
    const loader = fileURLToPath(here('../../../tools/typescript-loader.mjs'));
    const program = `
      import { gzipSync } from 'node:zlib';
      import { createGunzipHashPool } from ${JSON.stringify(here('pool.ts'))};
      const pool = createGunzipHashPool({ threads: 2 });
      const [run, left] = [pool.begin(), pool.begin()];
      await Promise.all([run.write(gzipSync('hello')), left.write(gzipSync('hello'))]);
      console.log((await run.end()).size);`;
    const options = ['--import', loader, '--conditions=@slipway/source', '--input-type=module', '--eval', program];
    const { stdout, status, signal } = spawnSync(process.execPath, options, { encoding: 'utf8', timeout: 20_000 });
    expect({ stdout, status, signal }).toEqual({ stdout: '5\n', status: 0, signal: null });
  });
});

describe('a worker', () => {
  /** What a thread runs, on this one. */
  function workerHere(): { ask(request: GunzipRequest): GunzipAnswer; decoders: number } {
    const { Instance } = webAssembly as NonNullable<typeof webAssembly>;
    const state = { decoders: 0, answer: undefined as GunzipAnswer | undefined };
    let onMessage = (_request: object): void => {};
    const parentPort = {
      on: (_event: string, listener: typeof onMessage) => {
        onMessage = listener;
      },
      postMessage: (answer: GunzipAnswer) => {
        state.answer = answer;
      },
    };
    class Counted extends Instance {
      constructor(module: object, imports: object) {
        super(module, imports);
        state.decoders += 1;
      }
    }
    const nodeRequire = createRequire(import.meta.url);
    const load = (name: string): unknown =>
      name === 'node:worker_threads' ? { parentPort, workerData: decoderModule() } : nodeRequire(name);
    compileFunction(gunzipWorkerSource, ['require', 'WebAssembly'])(load, { Instance: Counted });
    return {
      ask(request) {
        onMessage({ id: 0, ...request });
        return state.answer as GunzipAnswer;
      },
      get decoders() {
        return state.decoders;
      },
    };
  }

  const begin = {
    algorithm: 'sha256',
    maxSize: Number.POSITIVE_INFINITY,
    maxRatio: Number.POSITIVE_INFINITY,
    ratioFromSize: 0,
    surplus: 'refuse',
  } as const;
  const member = gzipSync(hello);
  const none = new Uint8Array(0);

  test('one decoder serves all runs that follow each other, whether they end, fail or are given up', () => {
    const worker = workerHere();
    for (let run = 0; run < 60; run += 4) {
      worker.ask({ run, begin, bytes: member, isLast: false });
      expect(worker.ask({ run, begin: undefined, bytes: none, isLast: true }).result).toEqual(hashOf(hello));
      worker.ask({ run: run + 1, begin, bytes: member.subarray(0, 11 + (run % 9)), isLast: false });
      worker.ask({ run: run + 1, begin: undefined, bytes: undefined, isLast: false });
      expect(worker.ask({ run: run + 2, begin, bytes: hello, isLast: false }).failure).toBeDefined();
      expect(worker.ask({ run: run + 2, begin: undefined, bytes: none, isLast: true }).result).toBeUndefined();
      worker.ask({ run: run + 3, begin, bytes: member.subarray(0, -9), isLast: false });
      expect(worker.ask({ run: run + 3, begin: undefined, bytes: none, isLast: true }).failure).toBeDefined();
    }
    expect(worker.decoders).toBe(1);
  });

  test('runs beside each other have a decoder each', () => {
    const worker = workerHere();
    for (const half of [member.subarray(0, 20), member.subarray(20)]) {
      for (let run = 0; run < 20; run += 1) {
        worker.ask({ run, begin: half.byteLength === 20 ? begin : undefined, bytes: half, isLast: false });
      }
    }
    for (let run = 0; run < 20; run += 1) {
      expect(worker.ask({ run, begin: undefined, bytes: none, isLast: true }).result).toEqual(hashOf(hello));
    }
    expect(worker.decoders).toBe(20);
  });

  test('needs nothing but what it is given and Node', () => {
    const names = [...gunzipWorkerSource.matchAll(/require\('([^']+)'\)/g)].map(([, name]) => name);
    expect(names).toEqual(['node:crypto', 'node:worker_threads', 'node:zlib']);
  });
});
