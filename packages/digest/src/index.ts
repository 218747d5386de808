/**
 * Digests for content-addressed storage, and layer compression in one pass.
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
export { createEstargzCompressor, isEstargzAvailable } from './chunked/estargz.ts';
export { createZstdChunkedCompressor } from './chunked/zstd-chunked.ts';
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
export {
  type BlockCompressorOptions,
  compressorDefaults,
  type GzipCompressorKind,
  type GzipCompressorOptions,
} from './compressor-options.ts';
export {
  type AbortOptions,
  type ByteStream,
  type Content,
  contentOf,
  type OpenOptions,
  type ReuseOptions,
} from './content.ts';
export { decompress } from './decompress.ts';
export type { DecompressOptions, ReadableCompression } from './decompression.ts';
export { detectCompression } from './detect-compression.ts';
export type { Digester, ExpectedContent, MeasuredContent } from './digester.ts';
export {
  CompressionError,
  ContentMismatchError,
  type DigestErrorCode,
} from './errors.ts';
export { createGzipCompressor } from './gzip.ts';
export { readStoredBlocks, storedSize } from './gzip-format.ts';
export {
  compressionPass,
  createDigester,
  digestBytes,
  digestStream,
  measured,
  verified,
} from './hashing.ts';
export { isIncompressible } from './incompressible.ts';
export type { LentFile } from './lent-file.ts';
export type { DigestOptions, DigestStreamOptions, MeasuredStream } from './measured.ts';
export { createPlainCompressor } from './plain-compressor.ts';
export { createPortableGzipCompressor } from './portable-gzip.ts';
export { createUnpackDigester } from './unpack-digester.ts';
export type { UnpackDigester, UnpackDigesterOptions } from './unpacking.ts';
export { createZstdCompressor, isZstdAvailable } from './zstd.ts';
