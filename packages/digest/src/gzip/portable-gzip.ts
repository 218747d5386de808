import type { Compressor } from '../compression/compressor.ts';
import { type BlockCompressorOptions, resolveCompressorOptions } from '../compression/compressor-options.ts';
import { crc32 } from '../hashing/crc32.ts';
import { compressBlocks } from './compress-blocks.ts';
import { deflateEnd, gzipHeader, gzipTrailer, storedBlocks, storedSize } from './gzip-format.ts';
import { isIncompressible } from './incompressible.ts';

/** The version whose bytes the recipe promises. A test compares it with the installed package. */
export const fflateVersion = '0.8.3';

/**
 * Compresses with fflate, in plain JavaScript on the calling thread: the same bytes on every CPU and in every runtime.
 * Every block is a gzip member of its own, which costs about 1.5 % in size. Several times slower than `node:zlib`.
 */
export function createPortableGzipCompressor(options: BlockCompressorOptions = {}): Compressor {
  const { level, blockSize, concurrency } = resolveCompressorOptions('portableGzip', options, 1);
  return {
    compression: 'gzip',
    recipe: `gzip-members;fflate-${fflateVersion};level=${level};block=${blockSize / 1024}k;v1`,
    compress: (source, { signal } = {}) =>
      compressBlocks(source, {
        blockSize,
        concurrency,
        signal,
        async compress(block) {
          // One block keeps the thread busy for up to 100 ms: let others have a turn in between.
          await new Promise((resolve) => setTimeout(resolve, 0));
          // Loaded by those who use it: it makes tables at once.
          const { deflateSync } = await import('fflate');
          return member(block, (bytes) => deflateSync(bytes, { level: level as DeflateLevel }));
        },
      }),
  };
}

type DeflateLevel = 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9;

/**
 * fflate's streams are never used for output: they can make invalid deflate data, and their bytes depend on how the
 * input was cut (https://github.com/101arrowz/fflate/issues/260). One-shot compression is sound.
 */
function member(block: Uint8Array, deflate: (block: Uint8Array) => Uint8Array): Uint8Array {
  const deflated = isIncompressible(block, undefined) ? undefined : deflate(block);
  const body =
    deflated !== undefined && deflated.byteLength < storedSize(block.byteLength) + deflateEnd().byteLength
      ? [deflated]
      : [storedBlocks(block), deflateEnd()];
  return concatenate([gzipHeader(), ...body, gzipTrailer(crc32(block), block.byteLength)]);
}

function concatenate(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((size, part) => size + part.byteLength, 0));
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.byteLength;
  }
  return whole;
}
