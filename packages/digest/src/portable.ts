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
export { type BlockCompressorOptions, compressorDefaults } from './compression/compressor-options.ts';
export { createPlainCompressor } from './compression/plain-compressor.ts';
export {
  CompressionError,
  ContentMismatchError,
  type DigestErrorCode,
} from './errors.ts';
export { readStoredBlocks, storedSize } from './gzip/gzip-format.ts';
export { isIncompressible } from './gzip/incompressible.ts';
export { createPortableGzipCompressor } from './gzip/portable-gzip.ts';
export type { Digester, ExpectedContent, MeasuredContent } from './hashing/digester.ts';
export type { DigestOptions, DigestStreamOptions, MeasuredStream } from './hashing/measured.ts';
export {
  compressionPass,
  createDigester,
  digestBytes,
  digestStream,
  measured,
  verified,
} from './hashing/portable-hashing.ts';
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
export type { DecompressOptions, ReadableCompression } from './unpacking/decompression.ts';
export { detectCompression } from './unpacking/detect-compression.ts';
export { decompress } from './unpacking/portable-decompress.ts';
