import { availableParallelism } from 'node:os';
import { constants, crc32, deflateRaw } from 'node:zlib';
import { compressBlocks } from './compress-blocks.ts';
import type { Compressor } from './compressor.ts';
import { type BlockCompressorOptions, resolveCompressorOptions, workersFor } from './compressor-options.ts';
import { deflateEnd, gzipHeader, gzipTrailer, storedBlocks, storedSize } from './gzip-format.ts';
import { isIncompressible } from './incompressible.ts';

/** Deflates one block to a byte boundary, without ending the stream. */
export type DeflateBlock = (
  block: Uint8Array,
  dictionary: Uint8Array | undefined,
  level: number,
) => Promise<Uint8Array>;

const windowSize = 32 * 1024;

/**
 * Compresses with `node:zlib` on libuv's thread pool, several blocks at once: one gzip member, whose bytes depend on the
 * content, the level, the block size and the zlib build, and on nothing else. Blocks that deflate would not shrink are stored.
 *
 * The pool has four threads unless `UV_THREADPOOL_SIZE` was set before Node started, and file reads need one of them too.
 */
export function createGzipCompressor(options: BlockCompressorOptions = {}): Compressor {
  return createGzipCompressorOn(deflateOnPool, options);
}

/** {@link createGzipCompressor} with the deflate function as an argument. */
export function createGzipCompressorOn(deflate: DeflateBlock, options: BlockCompressorOptions): Compressor {
  const { level, blockSize, concurrency } = resolveCompressorOptions(
    'gzip',
    options,
    workersFor(availableParallelism()),
  );
  return {
    compression: 'gzip',
    // The architecture stands here because zlib's matching differs with the vector instructions there are.
    recipe: `gzip;zlib-${process.versions.zlib};${process.arch};level=${level};block=${blockSize / 1024}k;v1`,
    compress(source, { signal } = {}) {
      let crc = 0;
      let size = 0;
      return compressBlocks(source, {
        blockSize,
        concurrency,
        signal,
        header: gzipHeader,
        onBlock(block) {
          crc = crc32(block, crc);
          size += block.byteLength;
        },
        async compress(block, previous) {
          if (block.byteLength === 0) return block;
          if (isIncompressible(block, previous)) return storedBlocks(block);
          const deflated = await deflate(block, previous?.subarray(-windowSize), level);
          return deflated.byteLength < storedSize(block.byteLength) ? deflated : storedBlocks(block);
        },
        trailer: () => Uint8Array.of(...deflateEnd(), ...gzipTrailer(crc, size)),
      });
    },
  };
}

function deflateOnPool(block: Uint8Array, dictionary: Uint8Array | undefined, level: number): Promise<Uint8Array> {
  const options = {
    level,
    dictionary,
    finishFlush: constants.Z_SYNC_FLUSH,
    // One output buffer per trip to the pool: the usual ratio fits into one.
    chunkSize: Math.max(16 * 1024, Math.ceil(block.byteLength / 2)),
  };
  return new Promise((resolve, reject) => {
    deflateRaw(block, options, (error, deflated) => (error ? reject(error) : resolve(deflated)));
  });
}
