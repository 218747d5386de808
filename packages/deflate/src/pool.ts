/**
 * Deflate, and the unpacking of gzip, on worker threads. For Node; the main entry runs everywhere.
 *
 * @packageDocumentation
 */
export { copyBytes, copyBytesSource } from './copy-bytes.ts';
export {
  createDeflatePool,
  type DeflatePool,
  type DeflatePoolOptions,
  type PoolDeflateOptions,
} from './deflate-pool.ts';
export {
  type DeflatedBlocks,
  type DeflateFileOptions,
  type DeflateFileRun,
  largestFileBlock,
  type ReadSync,
} from './file-run.ts';
export {
  createGunzipHashPool,
  type GunzipHash,
  type GunzipHashOptions,
  type GunzipHashPool,
  type GunzipHashRun,
  type GunzipPoolOptions,
} from './gunzip-pool.ts';
export type { FileSums, ResultHash } from './pool-worker.ts';
export { WorkerThread, type WorkerThreadOptions } from './worker-thread.ts';
