import type { DigestAlgorithm } from '@slipway/digest-value';
import type { MeasuredContent } from '../hashing/digester.ts';
import type { DecompressOptions } from './decompression.ts';

export interface UnpackDigesterOptions extends DecompressOptions {
  /** @default 'sha256' */
  readonly algorithm?: DigestAlgorithm | undefined;
  /** Compressed bytes that will come, as far as is known: decides how many threads are worth it. @default unknown */
  readonly expectedSize?: number | undefined;
}

/** Takes compressed bytes in order and says what they unpack to. Leaving scope gives it up. */
export interface UnpackDigester extends Disposable {
  /**
   * Takes the next chunk, which may be written over once this resolves. Waits while too much is waiting to be unpacked.
   * Calls may overlap: they are taken in their order.
   *
   * @throws {CompressionError} for what was taken so far: `ERR_COMPRESSION_CORRUPT`, `ERR_COMPRESSION_TOO_LARGE`.
   */
  feed(chunk: Uint8Array): Promise<void>;
  /**
   * Nothing more comes: digest and size of the plain bytes.
   * @throws {CompressionError} as `feed`, also when the end is missing.
   */
  end(): Promise<MeasuredContent>;
}
