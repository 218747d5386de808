import fc from 'fast-check';
import { expect, test } from 'vitest';
import { compressBlocks } from './compress-blocks.ts';

async function* chunksOf(bytes: Uint8Array, chunkSize: number): AsyncGenerator<Uint8Array, void, void> {
  for (let at = 0; at < bytes.byteLength; at += chunkSize) yield bytes.subarray(at, at + chunkSize);
}

test('a block is given back once, and only after both of its readers are done with it', () =>
  fc.assert(
    fc.asyncProperty(
      fc.uint8Array({ maxLength: 200 }),
      fc.integer({ min: 1, max: 40 }),
      fc.integer({ min: 1, max: 4 }),
      fc.scheduler(),
      async (bytes, chunkSize, concurrency, scheduler) => {
        const made = new Set<ArrayBufferLike>();
        const freed: ArrayBufferLike[] = [];
        const stream = compressBlocks(chunksOf(bytes, chunkSize), {
          blockSize: 16,
          concurrency,
          newBlock(size) {
            const block = new Uint8Array(size);
            made.add(block.buffer);
            return block;
          },
          freeBlock: (block) => freed.push(block.buffer),
          async compress(block, previous) {
            await scheduler.schedule(Promise.resolve());
            expect(freed).not.toContain(block.buffer);
            if (previous) expect(freed).not.toContain(previous.buffer);
            return block.slice();
          },
        });
        const read = async (): Promise<Uint8Array[]> => {
          const pieces: Uint8Array[] = [];
          for await (const piece of stream) pieces.push(piece);
          return pieces;
        };
        const pieces = await scheduler.waitFor(read());
        expect(Buffer.concat(pieces)).toEqual(Buffer.from(bytes));
        const blocks = Math.max(1, Math.ceil(bytes.byteLength / 16));
        expect(freed).toHaveLength(blocks);
        expect(new Set(freed).size).toBe(blocks);
        expect(made.size - blocks).toBeLessThanOrEqual(1); // one may have been made for a byte that never came
      },
    ),
  ));
