import { availableParallelism } from 'node:os';
import type { Compressor } from '../compression/compressor.ts';
import {
  type BlockCompressorOptions,
  resolveCompressorOptions,
  workersFor,
} from '../compression/compressor-options.ts';
import { CompressionError } from '../errors.ts';
import { compressBlocks } from '../gzip/compress-blocks.ts';
import { hasZstdThreads, zstdBlocks, zstdOnThreads } from '../threads/zstd-threads.ts';
import { zstdVersion } from './zstd-module.ts';

/** Whether {@link createZstdCompressor} finds what it needs: WebAssembly. */
export function isZstdAvailable(): boolean {
  return hasZstdThreads();
}

/** The part of a recipe that names the encoder. */
export const zstdLibrary: string = `zstd-wasm-${zstdVersion}`;

/** @throws {CompressionError} `ERR_COMPRESSION_UNSUPPORTED` */
export function assertZstdAvailable(): void {
  if (hasZstdThreads()) return;
  const message = 'Compressing zstd: expected a runtime with WebAssembly, and found none';
  throw new CompressionError('ERR_COMPRESSION_UNSUPPORTED', message);
}

/**
 * Compresses to a sequence of zstd frames, one per block, on worker threads: the same bytes on every machine and in
 * every Node, whatever the timing and the number of cores. `node:zlib`'s encoder is another one in each line of Node,
 * so it is not used.
 *
 * @throws {CompressionError} `ERR_COMPRESSION_UNSUPPORTED` without WebAssembly
 */
export function createZstdCompressor(options: BlockCompressorOptions = {}): Compressor {
  assertZstdAvailable();
  const workers = workersFor(availableParallelism());
  const { level, blockSize, concurrency } = resolveCompressorOptions('zstd', options, workers);
  return {
    compression: 'zstd',
    recipe: `zstd;${zstdLibrary};level=${level};block=${blockSize / 1024}k;v1`,
    compress: (source, { signal, onLent } = {}) =>
      compressBlocks(source, {
        blockSize,
        concurrency,
        signal,
        onLent,
        newBlock: (size) => zstdBlocks.take(size),
        freeBlock: (block) => zstdBlocks.giveBack(block),
        async compress(block) {
          return (await zstdOnThreads(block, [block.byteLength], level)).made;
        },
      }),
  };
}
