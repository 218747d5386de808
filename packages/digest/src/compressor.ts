import type { ByteStream, ReuseOptions } from './content.ts';

/** How bytes are compressed, as their first bytes tell. */
export type Compression = 'none' | 'gzip' | 'zstd';

/** Plain bytes that go as they are, in blocks that are not compressed: `readStoredBlocks` makes them. */
export interface StoredRange {
  /** Where its blocks begin in the compressed stream. */
  readonly offset: number;
  readonly plainOffset: number;
  readonly plainSize: number;
}

export interface CompressOptions extends ReuseOptions {
  /**
   * Hears of plain bytes that are stored, in order, each before the chunk that has them is handed out. Whoever can read the plain bytes again
   * need not keep those chunks. Not all that is stored has to be told. @default nobody does
   */
  readonly onStored?: ((range: StoredRange) => void) | undefined;
}

/** Makes compressed bytes of plain ones: the same bytes for the same input and recipe, whatever the timing. */
export interface Compressor {
  readonly compression: Compression;
  /** Names everything that decides the bytes: algorithm, library and its version, level, block size. */
  readonly recipe: string;
  /** Each chunk of `source` is used up before the next one is asked for. */
  compress(source: ByteStream, options?: CompressOptions): ByteStream;
}
