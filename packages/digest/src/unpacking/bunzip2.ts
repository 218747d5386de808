import { CompressionError } from '../errors.ts';
import type { ByteStream } from '../streams/content.ts';
import { type BitReader, bzip2Blocks, createBzip2BitReader } from './bzip2-blocks.ts';

/** A block of the largest kind has at most so many compressed bytes, and the headers around it. */
const mostBlockBytes = (hundredThousands: number): number => 25_000 + 100_000 * hundredThousands * 1.1;
const headerBytes = 16;
const pieceSize = 64 * 1024;

/**
 * Decodes bzip2, with any number of streams, in the memory of one block: at most 46 MB of plain bytes where they are
 * all alike.
 */
export async function* bunzip2(source: ByteStream): AsyncGenerator<Uint8Array, void, void> {
  const iterator = source[Symbol.asyncIterator]();
  const queue: Uint8Array[] = [];
  let queued = 0;
  let isOver = false;
  let bits: BitReader | undefined;
  const left = (): number => queued - (bits?.bytesRead ?? 0);
  const gather = async (wanted: number): Promise<void> => {
    while (!isOver && left() < wanted) {
      const { done, value } = await iterator.next();
      isOver = done === true;
      if (value === undefined || value.byteLength === 0) continue;
      queue.push(value);
      queued += value.byteLength;
    }
  };
  try {
    await gather(headerBytes);
    if (queued === 0) cutShort();
    const reader = createBzip2BitReader(() => queue.shift() ?? cutShort()); // which takes the first bytes at once
    bits = reader;
    while (left() > 0) {
      const level = decoding(() => bzip2Blocks.header(reader));
      const memory = new Int32Array(100_000 * level);
      for (let checksum: number | null = 0; ; ) {
        await gather(mostBlockBytes(level));
        const output = new Pieces();
        const before: number = checksum;
        checksum = decoding(() =>
          bzip2Blocks.decompress(reader, (byte) => output.write(byte), memory, memory.length, before),
        );
        if (checksum === null) break;
        yield* output.pieces();
      }
      await gather(headerBytes);
    }
  } finally {
    await iterator.return?.();
  }
}

function decoding<T>(decode: () => T): T {
  try {
    return decode();
  } catch (cause) {
    if (cause instanceof CompressionError) throw cause;
    throw new CompressionError('ERR_COMPRESSION_CORRUPT', 'Decompressing bzip2: invalid data', { cause });
  }
}

function cutShort(): never {
  throw new CompressionError('ERR_COMPRESSION_CORRUPT', 'Decompressing bzip2: unexpected end');
}

/** Bytes as they come, in pieces of equal size. */
class Pieces {
  readonly #full: Uint8Array[] = [];
  #last: Uint8Array = new Uint8Array(pieceSize);
  #filled = 0;

  write(byte: number): void {
    if (this.#filled === pieceSize) {
      this.#full.push(this.#last);
      this.#last = new Uint8Array(pieceSize);
      this.#filled = 0;
    }
    this.#last[this.#filled++] = byte;
  }

  *pieces(): Generator<Uint8Array, void, void> {
    yield* this.#full;
    if (this.#filled > 0) yield this.#last.subarray(0, this.#filled);
  }
}
