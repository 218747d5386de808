import { blocksOf } from './blocks.ts';
import type { AbortOptions, ByteStream } from './content.ts';
import { gathered } from './gather.ts';
import { inOrder } from './in-order.ts';

/** A codec that turns each block into bytes by itself, so that several can be worked on at once. */
export interface BlockCodec extends AbortOptions {
  /** Plain bytes per block. */
  readonly blockSize: number;
  /** Makes the memory of a block. @default ordinary memory */
  readonly newBlock?: ((size: number) => Uint8Array) | undefined;
  /** Blocks worked on at once. */
  readonly concurrency: number;
  /** Called for every block, in order, before it is compressed. */
  readonly onBlock?: (block: Uint8Array) => void;
  /** Compresses one block, possibly with the one before it as a dictionary. An empty stream is one empty block. */
  readonly compress: (block: Uint8Array, previous: Uint8Array | undefined) => Promise<Uint8Array>;
  readonly header?: () => Uint8Array;
  /** Called after all blocks. */
  readonly trailer?: () => Uint8Array;
}

interface Task {
  readonly block: Uint8Array;
  readonly previous: Uint8Array | undefined;
}

/** Compresses a stream block by block: output depends on the bytes only, and memory on the number of blocks in flight only. */
export function compressBlocks(source: ByteStream, codec: BlockCodec): ByteStream {
  return gathered(piecesOf(source, codec));
}

async function* piecesOf(source: ByteStream, codec: BlockCodec): AsyncGenerator<Uint8Array, void, void> {
  const { concurrency, signal } = codec;
  // Twice as many blocks as workers: a slow block at the head of the line leaves the others something to do.
  const options = { concurrency, held: 2 * concurrency, signal };
  const work = ({ block, previous }: Task): Promise<Uint8Array> => codec.compress(block, previous);
  if (codec.header) yield codec.header();
  yield* inOrder(tasksOf(source, codec), work, options);
  if (codec.trailer) yield codec.trailer();
}

async function* tasksOf(
  source: ByteStream,
  { blockSize, newBlock, onBlock }: BlockCodec,
): AsyncGenerator<Task, void, void> {
  let previous: Uint8Array | undefined;
  for await (const block of blocksOf(source, blockSize, newBlock)) {
    onBlock?.(block);
    yield { block, previous };
    previous = block;
  }
}
