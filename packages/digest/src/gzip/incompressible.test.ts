import { deflateRawSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { distributions, noise } from '../../test/support.ts';
import { isIncompressible } from './incompressible.ts';

const size = 256 * 1024;

describe('isIncompressible', () => {
  test.each<[string, Uint8Array, boolean]>([
    ['noise', noise(size), true],
    ['what deflate made of letters', deflateRawSync(distributions.letters(4 * size, 1)).subarray(1000, size), true],
    ['zeros', distributions.zeros(size, 0), false],
    ['few letters', distributions.letters(size, 1), false],
    ['noise that is said again and again', distributions.echo(size, 1), false],
    ['noise without its highest bit', noise(size).map((byte) => byte & 127), false],
    ['every byte value in turn', new Uint8Array(size).map((_, i) => i), false],
    ['noise with a tenth of zeros spread over it', noise(size).map((byte, i) => (i % 10 === 0 ? 0 : byte)), false],
    ['a short block', noise(1000), false],
    ['nothing', new Uint8Array(0), false],
  ])('%s: %j', (_, block, expected) => {
    expect(isIncompressible(block, undefined)).toBe(expected);
  });

  test('noise that stands in the dictionary is not new', () => {
    const previous = noise(size, 1);
    const block = noise(32 * 1024, 2);
    block.set(previous.subarray(-16 * 1024), 0);
    expect(isIncompressible(block, undefined)).toBe(true);
    expect(isIncompressible(block, previous)).toBe(false);
  });

  test('what deflate could not reach back to does not count', () => {
    const block = noise(size, 1);
    block.set(block.subarray(0, 100_000), 100_000);
    expect(isIncompressible(block, undefined)).toBe(true);
  });

  test('where it says yes, deflate gains less than three per cent', () => {
    const kinds = fc.constantFrom(...Object.values(distributions));
    const anyBlock = fc
      .tuple(
        kinds,
        kinds,
        fc.integer({ min: 8 * 1024, max: size }),
        fc.nat(),
        fc.double({ min: 0, max: 1, noNaN: true }),
      )
      .map(([first, second, length, seed, share]) => {
        const cut = Math.floor(length * share);
        return Buffer.concat([first(cut, seed), second(length - cut, seed + 1)]);
      });
    fc.assert(
      fc.property(anyBlock, (block) => {
        fc.pre(isIncompressible(block, undefined));
        expect(deflateRawSync(block).byteLength).toBeGreaterThan(block.byteLength * 0.97);
      }),
      { numRuns: 40 },
    );
  });
});
