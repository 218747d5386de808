import { gunzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { chunked, collect, distributions, noise } from '../../test/support.ts';
import type { StoredRange } from '../compression/compressor.ts';
import { createGzipCompressor } from './gzip.ts';
import { areStoredBlocks, readStoredBlocks, storedBlocks, storedSize } from './gzip-format.ts';

const block = 64 * 1024;

/** Makes the blocks of a range of plain bytes that are handed out in pieces of any size. */
async function madeAgain(plain: Uint8Array): Promise<Uint8Array> {
  const into = new Uint8Array(storedSize(plain.byteLength));
  let at = 0;
  await readStoredBlocks(into, plain.byteLength, async (target) => {
    target.set(plain.subarray(at, at + target.byteLength));
    at += target.byteLength;
  });
  return into;
}

describe.each(['deflate', 'zlib'] as const)('%s', (compressor) => {
  test('tells of what is stored, before it is handed out, and where it lies', async () => {
    const plain = Buffer.concat([noise(3 * block), distributions.letters(2 * block, 1), noise(2 * block + 100)]);
    const ranges: StoredRange[] = [];
    const chunks: Uint8Array[] = [];
    let handedOut = 0;
    const gzip = createGzipCompressor({ compressor, blockSize: block });
    const onStored = (range: StoredRange): void => {
      expect(range.offset).toBeGreaterThanOrEqual(handedOut);
      ranges.push(range);
    };
    for await (const chunk of gzip.compress(chunked(plain, 50_000), { onStored })) {
      chunks.push(chunk);
      handedOut += chunk.byteLength;
    }
    const whole = Buffer.concat(chunks);
    expect(Buffer.compare(gunzipSync(whole), plain)).toBe(0);
    expect(ranges.map(({ plainOffset, plainSize }) => [plainOffset / block, plainSize])).toEqual([
      ...[0, 1, 2, 5, 6].map((place) => [place, block]),
      [7, 100],
    ]);
    for (const { offset, plainOffset, plainSize } of ranges) {
      const again = await madeAgain(plain.subarray(plainOffset, plainOffset + plainSize));
      expect(Buffer.compare(again, whole.subarray(offset, offset + storedSize(plainSize)))).toBe(0);
    }
  });

  test('tells nothing of what is compressed', async () => {
    const gzip = createGzipCompressor({ compressor, blockSize: block });
    const onStored = (): void => expect.unreachable('nothing is stored');
    await collect(gzip.compress(chunked(distributions.letters(3 * block, 2)), { onStored }));
    await collect(gzip.compress(chunked(new Uint8Array(0)), { onStored }));
  });
});

test('stored blocks are made again as they were, and nothing else is taken for them', async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 200_000 }), fc.nat(), async (size, place) => {
      const blocks = storedBlocks(noise(size));
      expect(blocks.byteLength).toBe(storedSize(size));
      expect(Buffer.compare(await madeAgain(noise(size)), blocks)).toBe(0);
      expect(areStoredBlocks(blocks, size)).toBe(true);
      expect(areStoredBlocks(blocks, size - 1)).toBe(false);
      const header = (place % Math.ceil(size / 65_535)) * 65_540;
      const broken = blocks.slice();
      broken[header + (place % 5)]! ^= 1;
      expect(areStoredBlocks(broken, size)).toBe(false);
    }),
    { numRuns: 60 },
  );
});
