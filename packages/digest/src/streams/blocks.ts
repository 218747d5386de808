import { assertChunk } from '@slipway/arguments';
import type { ByteStream } from './content.ts';

/**
 * Cuts a stream into blocks of exactly `blockSize` bytes; only the last may be shorter, and an empty stream is one
 * empty block. Each byte is copied once, into its block: blocks are worked on while the source already makes its next
 * chunk, so a source that reuses its buffer does no harm.
 */
export async function* blocksOf(
  source: ByteStream,
  blockSize: number,
  newBlock: (size: number) => Uint8Array = (size) => new Uint8Array(size),
): AsyncGenerator<Uint8Array, void, void> {
  let block = newBlock(blockSize);
  let filled = 0;
  let any = false;
  for await (const chunk of source) {
    assertChunk(chunk);
    for (let taken = 0; taken < chunk.byteLength; ) {
      const part = chunk.subarray(taken, taken + blockSize - filled);
      block.set(part, filled);
      taken += part.byteLength;
      filled += part.byteLength;
      if (filled < blockSize) continue;
      yield block;
      any = true;
      block = newBlock(blockSize);
      filled = 0;
    }
  }
  if (filled > 0 || !any) yield block.subarray(0, filled);
}
