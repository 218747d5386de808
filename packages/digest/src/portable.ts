/**
 * The same functions as the package's main entry, for places without Node: nothing here imports a `node:` module.
 * There is no zstd compressor here, and gzip comes from fflate.
 *
 * @packageDocumentation
 */

export {
  algorithmOf,
  type Digest,
  type DigestAlgorithm,
  type DigestRule,
  encodedOf,
  InvalidDigestError,
  isDigest,
  parseDigest,
  shortDigest,
} from '@slipway/digest-value';
export { abortable } from './abortable.ts';
export type {
  CompressionPass,
  CompressionPassOptions,
  CompressionPassResult,
} from './compression-pass.ts';
export type {
  CompressContentOptions,
  Compression,
  CompressOptions,
  Compressor,
  FormNotes,
  StoredRange,
} from './compressor.ts';
export { type BlockCompressorOptions, compressorDefaults } from './compressor-options.ts';
export {
  type AbortOptions,
  type ByteStream,
  type Content,
  contentOf,
  type OpenOptions,
  type ReuseOptions,
} from './content.ts';
export type { DecompressOptions, ReadableCompression } from './decompression.ts';
export { detectCompression } from './detect-compression.ts';
export type { Digester, ExpectedContent, MeasuredContent } from './digester.ts';
export {
  CompressionError,
  ContentMismatchError,
  type DigestErrorCode,
} from './errors.ts';
export { readStoredBlocks, storedSize } from './gzip-format.ts';
export { isIncompressible } from './incompressible.ts';
export type { LentFile } from './lent-file.ts';
export type { DigestOptions, DigestStreamOptions, MeasuredStream } from './measured.ts';
export { createPlainCompressor } from './plain-compressor.ts';
export { decompress } from './portable-decompress.ts';
export { createPortableGzipCompressor } from './portable-gzip.ts';
export {
  compressionPass,
  createDigester,
  digestBytes,
  digestStream,
  measured,
  verified,
} from './portable-hashing.ts';
