import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { crc32, inflateRawSync } from 'node:zlib';
import fc from 'fast-check';
import { inflateSync } from 'fflate';
import { describe, expect, test } from 'vitest';
import { inputOf, kinds } from '../test/corpus.ts';
import { isDeflateAvailable } from './compile.ts';
import { deflateBlock } from './deflate.ts';
import { createEncoder, pieceSize } from './encoder.ts';
import { type DeflateLevel, deflateDefaults } from './options.ts';

const levels: readonly DeflateLevel[] = [1, 2, 3, 4, 5, 6];
const anyLevel = fc.constantFrom(...levels);
const anyKind = fc.constantFrom(...kinds);
const end = Uint8Array.of(3, 0);
const MiB = 2 ** 20;

/** What stored blocks would take; an empty final block has two bytes. */
function bound(size: number): number {
  return size + 5 * Math.ceil(size / 65_535) + (size === 0 ? 2 : 0);
}

/** The plain bytes, as node:zlib and fflate both read them. */
function inflated(deflated: Uint8Array, dictionary?: Uint8Array): Uint8Array {
  const plain = inflateRawSync(deflated, dictionary && { dictionary: dictionary.subarray(-32_768) });
  const other = inflateSync(deflated, dictionary && { dictionary: dictionary.subarray(-32_768) });
  expect(Buffer.compare(plain, other)).toBe(0);
  return plain;
}

describe('deflateBlock', () => {
  test.each([
    ['nothing', []],
    ['one byte', [65]],
    ['three bytes', [65, 66, 67]],
    ['four equal bytes', [7, 7, 7, 7]],
    ['five bytes', [1, 2, 1, 2, 1]],
    ['the longest match and one more', Array.from({ length: 1 + 258 + 1 }, () => 9)],
    ['all letters once', Array.from({ length: 256 }, (_, i) => i)],
  ])('%s comes back, at every level, final or not', (_name, bytes) => {
    const input = Uint8Array.from(bytes);
    for (const level of levels) {
      const final = deflateBlock(input, { level });
      expect(Buffer.compare(inflated(final), input)).toBe(0);
      const open = deflateBlock(input, { level, final: false });
      expect(Buffer.compare(inflated(Buffer.concat([open, end])), input)).toBe(0);
      expect(Math.max(open.byteLength, final.byteLength)).toBeLessThanOrEqual(bound(input.byteLength));
    }
  });

  test('nothing is two bytes when final, and none when not', () => {
    expect([...deflateBlock(new Uint8Array(0))]).toEqual([3, 0]);
    expect(deflateBlock(new Uint8Array(0), { final: false }).byteLength).toBe(0);
  });

  test('every kind, size and level comes back, and grows by no more than stored blocks would', () => {
    const size = fc.oneof(fc.integer({ min: 0, max: 5000 }), fc.integer({ min: 0, max: 3 * MiB }));
    fc.assert(
      fc.property(anyKind, size, fc.nat(), anyLevel, (kind, size, seed, level) => {
        const input = inputOf(kind, size, seed);
        const deflated = deflateBlock(input, { level });
        expect(deflated.byteLength).toBeLessThanOrEqual(bound(size));
        expect(Buffer.compare(inflated(deflated), input)).toBe(0);
      }),
      { numRuns: 60 },
    );
  });

  test('blocks with the bytes before them as dictionaries join to one stream', () => {
    const cuts = fc.array(fc.integer({ min: 0, max: 300_000 }), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(anyKind, cuts, fc.nat(), anyLevel, (kind, cuts, seed, level) => {
        const input = inputOf(
          kind,
          cuts.reduce((sum, cut) => sum + cut, 0),
          seed,
        );
        const parts: Uint8Array[] = [];
        let start = 0;
        for (const cut of cuts) {
          const block = input.subarray(start, start + cut);
          const part = deflateBlock(block, { level, dictionary: input.subarray(0, start), final: false });
          expect(part.byteLength).toBeLessThanOrEqual(bound(cut));
          parts.push(part);
          start += cut;
        }
        expect(Buffer.compare(inflated(Buffer.concat([...parts, end])), input)).toBe(0);
      }),
      { numRuns: 40 },
    );
  });

  test.each([1, 2, 3, 258, 4095, 4096, 32_767, 32_768])('what was said %i bytes ago is not said again', (distance) => {
    const word = inputOf('noise', distance, 1);
    for (const level of levels) {
      const again = word.subarray(0, 258);
      const deflated = deflateBlock(again, { level, dictionary: word });
      expect(Buffer.compare(inflated(deflated, word), again)).toBe(0);
      if (distance >= 4) expect(deflated.byteLength).toBeLessThan(20 + again.byteLength / 20);
    }
  });

  test('what was said 32,769 bytes ago is out of reach', () => {
    const word = inputOf('noise', 32_769, 1);
    const again = word.subarray(0, 100);
    const padding = word.subarray(100);
    for (const level of levels) {
      const deflated = deflateBlock(again, { level, dictionary: Buffer.concat([again, padding]) });
      expect(Buffer.compare(inflated(deflated, padding.subarray(-32_768)), again)).toBe(0);
    }
  });

  test('only the last 32 KiB of a dictionary count', () => {
    const dictionary = inputOf('words', 100_000, 3);
    const input = inputOf('words', 10_000, 3);
    expect(deflateBlock(input, { dictionary })).toEqual(
      deflateBlock(input, { dictionary: dictionary.subarray(-32_768) }),
    );
  });

  test('noise and what is compressed already are stored', () => {
    const noise = inputOf('noise', MiB, 1);
    const compressed = deflateBlock(inputOf('words', 2 * MiB, 1));
    for (const input of [noise, compressed]) {
      for (const level of levels) {
        const deflated = deflateBlock(input, { level });
        expect(deflated.byteLength).toBeLessThanOrEqual(bound(input.byteLength));
        expect(deflated.byteLength).toBeGreaterThan(input.byteLength * 0.99);
      }
    }
  });

  test('long runs become next to nothing', () => {
    for (const letter of [0, 9, 255]) {
      const input = new Uint8Array(MiB).fill(letter);
      for (const level of levels) expect(deflateBlock(input, { level }).byteLength).toBeLessThan(1500);
    }
  });

  test('noise that is said again is not stored again', () => {
    const word = inputOf('noise', 20_000, 1);
    const input = Buffer.concat([word, word, word, word, word]);
    for (const level of levels) expect(deflateBlock(input, { level }).byteLength).toBeLessThan(22_000);
  });

  test('the lazy levels are smaller than the greedy ones', () => {
    const names = readdirSync(new URL('.', import.meta.url)).filter((name) => /(?<!-module)\.ts$/.test(name));
    const input = Buffer.concat(names.map((name) => readFileSync(new URL(name, import.meta.url))));
    const sizeAt = (level: DeflateLevel): number => deflateBlock(input, { level }).byteLength;
    expect(sizeAt(4)).toBeLessThan(sizeAt(1));
    expect(sizeAt(6)).toBeLessThan(sizeAt(1));
  });

  test.each(levels)('what an earlier block left behind the end is not looked at, at level %i', (level) => {
    // Five letters that were there before, the last of which is not part of the block.
    const repeated = Buffer.concat([inputOf('words', 3000, 1), Buffer.from('%5#!X'), inputOf('words', 50, 2)]);
    const input = Buffer.concat([repeated, Buffer.from('%5#!')]);
    const deflate = createEncoder();
    const options = { level, dictionary: new Uint8Array(0), final: true };
    const fresh = deflate(input, options);
    deflate(Buffer.concat([input, Buffer.from('XYZ')]), options);
    expect(Buffer.compare(deflate(input, options), fresh)).toBe(0);
  });

  test('nothing of one block is left for the next', () => {
    const first = inputOf('mixed', 400_000, 1);
    fc.assert(
      fc.property(anyKind, fc.integer({ min: 0, max: 300_000 }), fc.nat(), anyLevel, (kind, size, seed, level) => {
        const input = inputOf(kind, size, seed);
        deflateBlock(first, { level: ((seed % 6) + 1) as DeflateLevel });
        const fresh = createEncoder()(input, { level, dictionary: new Uint8Array(0), final: true });
        expect(Buffer.compare(deflateBlock(input, { level }), fresh)).toBe(0);
      }),
      { numRuns: 25 },
    );
  });

  test('input longer than the encoder takes at once is one stream', () => {
    const input = inputOf('mixed', 2 * pieceSize + 1, 5);
    expect(Buffer.compare(inflated(deflateBlock(input, { level: 1 })), input)).toBe(0);
    const edge = inputOf('noise', 2 * pieceSize, 5);
    expect(deflateBlock(edge).byteLength).toBeLessThanOrEqual(bound(edge.byteLength));
  });

  test.each([0, 7, 1.5, Number.NaN])('level %d is refused', (level) => {
    expect(() => deflateBlock(new Uint8Array(1), { level: level as DeflateLevel })).toThrow(RangeError);
  });

  test('undefined options mean the defaults', () => {
    const input = inputOf('words', 50_000, 4);
    const explicit = deflateBlock(input, { level: undefined, dictionary: undefined, final: undefined });
    expect(explicit).toEqual(deflateBlock(input, deflateDefaults));
  });
});

/** Programs of other makers that read gzip; those that are not here are left out. */
const gunzips: readonly (readonly [name: string, command: string, ...args: string[]])[] = [
  ['gzip', 'gzip', '-dc'],
  ['python3', 'python3', '-c', 'import sys,gzip; sys.stdout.buffer.write(gzip.decompress(sys.stdin.buffer.read()))'],
];

describe.each(gunzips)('%s', (_name, command, ...args) => {
  const isMissing = spawnSync(command, ['--version']).status !== 0 && process.env['CI'] !== 'true';

  test.skipIf(isMissing)('reads every kind at every level', () => {
    for (const [i, kind] of kinds.entries()) {
      const input = inputOf(kind, 200_000, i);
      const level = levels[i % levels.length] as DeflateLevel;
      const trailer = new DataView(new ArrayBuffer(8));
      trailer.setUint32(0, crc32(input), true);
      trailer.setUint32(4, input.byteLength, true);
      const member = Buffer.concat([
        Uint8Array.of(0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff),
        deflateBlock(input, { level }),
        new Uint8Array(trailer.buffer),
      ]);
      const { stdout, status } = spawnSync(command, args, { input: member, maxBuffer: MiB });
      expect(status).toBe(0);
      expect(Buffer.compare(stdout, input)).toBe(0);
    }
  });
});

test('this runtime has what the encoder needs', () => {
  expect(isDeflateAvailable()).toBe(true);
});
