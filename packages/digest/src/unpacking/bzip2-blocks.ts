// @ts-expect-error -- the package has no types for its parts: they are below
import createBitReader from 'unbzip2-stream/lib/bit_iterator.js';
// @ts-expect-error -- see above
import blocks from 'unbzip2-stream/lib/bzip2.js';

/** Reads bits, first the highest of each byte; null goes on to the next whole byte. */
export interface BitReader {
  (bits: number | null): number;
  /** Bytes begun so far. */
  readonly bytesRead: number;
}

/** The decoder of unbzip2-stream, one block at a time. */
export interface Bzip2Blocks {
  /**
   * Reads the header of a stream; how many hundred thousand plain bytes its blocks have at most, before runs are made.
   */
  header(bits: BitReader): number;
  /** Decodes a block byte by byte, and returns the checksum so far; null at the end of the stream. */
  decompress(
    bits: BitReader,
    write: (byte: number) => void,
    memory: Int32Array,
    blockSize: number,
    checksum: number,
  ): number | null;
}

export const bzip2Blocks: Bzip2Blocks = blocks as Bzip2Blocks;

/** `next` gives the next bytes, of which there must be some. */
export const createBzip2BitReader: (next: () => Uint8Array) => BitReader = createBitReader as never;
