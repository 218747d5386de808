import type { ByteStream, ReuseOptions } from './content.ts';

/** How bytes are compressed, as their first bytes tell. */
export type Compression = 'none' | 'gzip' | 'zstd';

/** Makes compressed bytes of plain ones: the same bytes for the same input and recipe, whatever the timing. */
export interface Compressor {
  readonly compression: 'gzip' | 'zstd';
  /** Names everything that decides the bytes: algorithm, library and its version, level, block size. */
  readonly recipe: string;
  /** Each chunk of `source` is used up before the next one is asked for. */
  compress(source: ByteStream, options?: ReuseOptions): ByteStream;
}
