import type { CompressOptions } from '../compression/compressor.ts';
import { blocksOf } from '../streams/blocks.ts';
import type { ByteStream, ReuseOptions } from '../streams/content.ts';
import { gathered } from '../streams/gather.ts';
import { inOrder } from '../streams/in-order.ts';

/** A codec that turns each block into bytes by itself, so that several can be worked on at once. */
export interface BlockCodec extends ReuseOptions, Pick<CompressOptions, 'onLent'> {
  /** Plain bytes per block. */
  readonly blockSize: number;
  /** Makes the memory of a block. @default ordinary memory */
  readonly newBlock?: ((size: number) => Uint8Array) | undefined;
  /**
   * Takes the memory of a block back, once nothing reads it any more. Blocks of work that failed are not given back.
   */
  readonly freeBlock?: ((block: Uint8Array) => void) | undefined;
  /** Takes the memory of what `compress` returned back, where the stream's reader leaves it for that. */
  readonly freeCompressed?: ((compressed: Uint8Array) => void) | undefined;
  /** Blocks worked on at once. */
  readonly concurrency: number;
  /** Called for every block, in order, before it is compressed. */
  readonly onBlock?: (block: Uint8Array) => void;
  /** Compresses one block, possibly with the one before it as a dictionary. An empty stream is one empty block. */
  readonly compress: (block: Uint8Array, previous: Uint8Array | undefined) => Promise<Uint8Array>;
  /** Called for every block, in order, before what became of it is handed out. */
  readonly onCompressed?: ((compressed: Uint8Array, plainSize: number) => void) | undefined;
  readonly header?: () => Uint8Array;
  /** Called after all blocks. */
  readonly trailer?: () => Uint8Array;
}

interface Task {
  readonly block: Lease;
  readonly previous: Lease | undefined;
}

interface Result {
  readonly compressed: Uint8Array;
  readonly plainSize: number;
}

/** A block and its two readers: its own compression, and that of the next block, whose dictionary it is. */
class Lease {
  readonly bytes: Uint8Array;
  readonly #free: BlockCodec['freeBlock'];
  #readers = 2;

  constructor(bytes: Uint8Array, free: BlockCodec['freeBlock']) {
    this.bytes = bytes;
    this.#free = free;
  }

  leave(): void {
    this.#readers -= 1;
    if (this.#readers === 0) this.#free?.(this.bytes);
  }
}

/**
 * Compresses a stream block by block: output depends on the bytes only, and memory on the number of blocks in flight
 * only.
 */
export function compressBlocks(source: ByteStream, codec: BlockCodec): ByteStream {
  return gathered(piecesOf(source, codec), codec.reuse);
}

async function* piecesOf(source: ByteStream, codec: BlockCodec): AsyncGenerator<Uint8Array, void, void> {
  const { concurrency, signal } = codec;
  // Twice as many blocks as workers: a slow block at the head of the line leaves the others something to do.
  const options = { concurrency, held: 2 * concurrency, signal };
  const work = async ({ block, previous }: Task): Promise<Result> => {
    const plainSize = block.bytes.byteLength;
    const compressed = await codec.compress(block.bytes, previous?.bytes);
    block.leave();
    previous?.leave();
    return { compressed, plainSize };
  };
  if (codec.header) yield codec.header();
  for await (const { compressed, plainSize } of inOrder(tasksOf(source, codec), work, options)) {
    codec.onCompressed?.(compressed, plainSize);
    const giveBack = (): void => {
      if (codec.reuse) codec.freeCompressed?.(compressed);
    };
    codec.onLent?.(compressed, giveBack);
    yield compressed;
    if (codec.onLent === undefined) giveBack();
  }
  if (codec.trailer) yield codec.trailer();
}

async function* tasksOf(
  source: ByteStream,
  { blockSize, newBlock, freeBlock, onBlock }: BlockCodec,
): AsyncGenerator<Task, void, void> {
  let previous: Lease | undefined;
  for await (const bytes of blocksOf(source, blockSize, newBlock)) {
    onBlock?.(bytes);
    const block = new Lease(bytes, freeBlock);
    yield { block, previous };
    previous = block;
  }
  previous?.leave(); // there is no next block
}
