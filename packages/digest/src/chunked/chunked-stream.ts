import { assertChunk } from '@slipway/arguments';
import type { AbortOptions, ByteStream } from '../streams/content.ts';
import { inOrder } from '../streams/in-order.ts';
import type { SharedMemory } from '../threads/shared-memory.ts';
import type { Batch, Contents } from './parts.ts';

/** Compressed parts, one after the other, and how long each of them is. */
export interface CompressedParts {
  readonly made: Uint8Array;
  readonly sizes: readonly number[];
}

export interface ChunkedStreamOptions extends AbortOptions {
  readonly memory: SharedMemory;
  readonly concurrency: number;
  /** Entries in their order, those whose content is still under way included; taken from the front as they are told. */
  readonly entries: Contents[];
  compress(bytes: Uint8Array, sizes: readonly number[]): Promise<CompressedParts>;
  /** Hears of every entry, in order, once it is known where its chunks lie. */
  onEntry(contents: Contents): void;
}

/** Compresses batches several at once, in order, and says where each chunk came to lie. @returns bytes in all */
export async function* compressBatches(
  batches: AsyncIterable<Batch>,
  { memory, concurrency, entries, compress, onEntry, signal }: ChunkedStreamOptions,
): AsyncGenerator<Uint8Array, number, void> {
  let offset = 0;
  const work = async (batch: Batch): Promise<CompressedParts & { readonly batch: Batch }> => {
    const sizes = batch.parts.map(({ size }) => size);
    const parts = await compress(batch.bytes.subarray(0, batch.used), sizes);
    memory.giveBack(batch.bytes);
    return { ...parts, batch };
  };
  for await (const { made, sizes, batch } of inOrder(batches, work, { concurrency, held: 2 * concurrency, signal })) {
    for (const [at, { chunk }] of batch.parts.entries()) {
      const end = offset + (sizes[at] as number);
      if (chunk !== undefined) Object.assign(chunk, { offset, end });
      offset = end;
    }
    for (let first = entries[0]; first !== undefined && isPlaced(first); first = entries[0]) {
      entries.shift();
      onEntry(first);
    }
    yield made;
  }
  for (const entry of entries.splice(0)) onEntry(entry); // those without content behind the last part
  return offset;
}

function isPlaced({ isRead, chunks }: Contents): boolean {
  return isRead && chunks.every(({ end }) => end >= 0);
}

/** Reads a source in pieces, and hands out what became ready with each. */
export async function* batchesOf(
  source: ByteStream,
  take: (chunk: Uint8Array) => void,
  end: () => void,
  ready: () => readonly Batch[],
): AsyncGenerator<Batch, void, void> {
  for await (const chunk of source) {
    assertChunk(chunk);
    take(chunk);
    yield* ready();
  }
  end();
  yield* ready();
}
