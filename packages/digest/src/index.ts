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
export { createEstargzCompressor, isEstargzAvailable } from './chunked/estargz.ts';
export { createZstdChunkedCompressor } from './chunked/zstd-chunked.ts';
export type {
  CompressionPass,
  CompressionPassOptions,
  CompressionPassResult,
} from './compression/compression-pass.ts';
export type {
  CompressContentOptions,
  Compression,
  CompressOptions,
  Compressor,
  FormNotes,
  StoredRange,
} from './compression/compressor.ts';
export {
  type BlockCompressorOptions,
  compressorDefaults,
  type GzipCompressorKind,
  type GzipCompressorOptions,
} from './compression/compressor-options.ts';
export { createPlainCompressor } from './compression/plain-compressor.ts';
export {
  CompressionError,
  ContentMismatchError,
  type DigestErrorCode,
} from './errors.ts';
export { createGzipCompressor } from './gzip/gzip.ts';
export { readStoredBlocks, storedSize } from './gzip/gzip-format.ts';
export { isIncompressible } from './gzip/incompressible.ts';
export { createPortableGzipCompressor } from './gzip/portable-gzip.ts';
export type { Digester, ExpectedContent, MeasuredContent } from './hashing/digester.ts';
export {
  compressionPass,
  createDigester,
  digestBytes,
  digestStream,
  measured,
  verified,
} from './hashing/hashing.ts';
export type { DigestOptions, DigestStreamOptions, MeasuredStream } from './hashing/measured.ts';
export { type MachineLimit, machineHint, machineLimitOf } from './machine-limit.ts';
export { abortable } from './streams/abortable.ts';
export {
  type AbortOptions,
  type ByteStream,
  type Content,
  contentOf,
  type OpenOptions,
  type ReuseOptions,
} from './streams/content.ts';
export { exactContent } from './streams/exact-content.ts';
export type { LentFile } from './streams/lent-file.ts';
export { decompress } from './unpacking/decompress.ts';
export type { DecompressOptions, ReadableCompression } from './unpacking/decompression.ts';
export { detectCompression } from './unpacking/detect-compression.ts';
export { createUnpackDigester } from './unpacking/unpack-digester.ts';
export type { UnpackDigester, UnpackDigesterOptions } from './unpacking/unpacking.ts';
export { createZstdCompressor, isZstdAvailable } from './zstd/zstd.ts';
