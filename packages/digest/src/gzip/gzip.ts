import { availableParallelism } from 'node:os';
import { constants, crc32, deflateRaw } from 'node:zlib';
import { ArgumentRangeError, anything, assertOptions } from '@slipway/arguments';
import { type DeflateLevel, deflateVersion, isDeflateAvailable } from '@slipway/deflate';
import { largestFileBlock } from '@slipway/deflate/pool';
import type { Compressor, StoredRange } from '../compression/compressor.ts';
import {
  type BlockCompressorOptions,
  type GzipCompressorOptions,
  type ResolvedBlockCompressorOptions,
  resolveCompressorOptions,
  workersFor,
} from '../compression/compressor-options.ts';
import {
  deflateOnThreads,
  expectDeflating,
  sharedBlocks,
  sharedResults,
  worthAThread,
} from '../threads/deflate-threads.ts';
import { type BlockCodec, compressBlocks } from './compress-blocks.ts';
import { compressFile } from './compress-file.ts';
import { areStoredBlocks, deflateEnd, gzipHeader, gzipTrailer, storedBlocks, storedSize } from './gzip-format.ts';
import { isIncompressible } from './incompressible.ts';
import { createPortableGzipCompressor } from './portable-gzip.ts';

/** Deflates one block to a byte boundary, without ending the stream. */
export type DeflateBlock = (
  block: Uint8Array,
  dictionary: Uint8Array | undefined,
  level: number,
) => Promise<Uint8Array>;

const windowSize = 32 * 1024;
/** Levels of `@slipway/deflate`; higher ones mean the highest. */
const highestDeflateLevel = 6;

/**
 * Compresses several blocks at once to one gzip member, whose bytes depend on the content and the recipe, and on
 * nothing else. Blocks that deflate would not shrink are stored.
 *
 * `compressor` says with what:
 * - `deflate`: `@slipway/deflate` on worker threads. The same bytes on every machine and in every Node. Where there is
 *   no WebAssembly SIMD, `zlib` takes its place; the recipe tells.
 * - `zlib`: `node:zlib` on libuv's thread pool. The bytes are those of this zlib build, and differ between versions of
 *   Node, Bun and Deno; the recipe tells which it is. The pool has four threads
 *   unless `UV_THREADPOOL_SIZE` was set before Node started, and file reads need one of them too.
 * - `fflate`: {@link createPortableGzipCompressor}: one member per block, on the calling thread, slow.
 */
export function createGzipCompressor(options: GzipCompressorOptions = {}): Compressor {
  assertOptions('options', options, {
    optional: { compressor: anything, level: anything, blockSize: anything, concurrency: anything },
  });
  const { compressor = 'deflate', ...block } = options;
  if (compressor === 'fflate') return createPortableGzipCompressor(block);
  if (compressor === 'zlib' || !isDeflateAvailable()) return createGzipCompressorOn(deflateOnPool, block);
  if (compressor !== 'deflate') {
    throw new ArgumentRangeError(
      'compressor',
      `Expected \`compressor\` to be deflate, zlib or fflate, got ${String(compressor)}`,
    );
  }
  const resolved = resolveCompressorOptions('gzip', block, workersFor(availableParallelism()));
  const level = Math.min(resolved.level, highestDeflateLevel) as DeflateLevel;
  const recipe = `gzip;slipway-deflate-${deflateVersion};level=${level};block=${resolved.blockSize / 1024}k;v1`;
  const { blockSize, concurrency } = resolved;
  const resultSize = storedSize(blockSize) + 1024; // no result is larger
  const compressContent: Compressor['compressContent'] = ({ size, lend }, compressOptions) => {
    if (lend === undefined || size <= worthAThread || blockSize > largestFileBlock) return undefined;
    const { onStored } = compressOptions;
    const codec = {
      ...{ level, blockSize, concurrency, resultSize },
      header: gzipHeader,
      onCompressed: onStored && storedRangesFrom(gzipHeader().byteLength, onStored),
      trailer: memberEnd,
    };
    return compressFile({ size, lend }, codec, compressOptions);
  };
  const ofStreams = oneMember(recipe, resolved, {
    newBlock: (size) => sharedBlocks.take(size),
    freeBlock: (block) => sharedBlocks.giveBack(block),
    deflate: (block, dictionary, isReused) =>
      deflateOnThreads(block, { level, dictionary, final: false }, isReused ? resultSize : undefined),
    freeCompressed(compressed) {
      if (compressed.buffer instanceof SharedArrayBuffer) sharedResults.giveBack(compressed);
    },
  });
  return { ...ofStreams, compressContent, expect: expectDeflating };
}

/** The compressor over `node:zlib` with the deflate function as an argument. */
export function createGzipCompressorOn(deflate: DeflateBlock, options: BlockCompressorOptions): Compressor {
  const resolved = resolveCompressorOptions('zlibGzip', options, workersFor(availableParallelism()));
  const { level, blockSize } = resolved;
  const recipe = `gzip;${zlibOf(process)};level=${level};block=${blockSize / 1024}k;v1`;
  return oneMember(recipe, resolved, {
    async deflate(block, dictionary) {
      if (isIncompressible(block, dictionary)) return storedBlocks(block);
      const deflated = await deflate(block, dictionary, level);
      return deflated.byteLength < storedSize(block.byteLength) ? deflated : storedBlocks(block);
    },
  });
}

/** What of a process tells which zlib it has. */
interface Runtime {
  readonly versions: Readonly<Record<string, string | undefined>>;
  readonly arch: string;
}

/**
 * The part of a recipe that names this process's zlib. The architecture stands there because zlib's matching differs
 * with the vector instructions there are; the runtime, because Bun and Deno have deflate encoders of their own, and
 * Deno calls its by the version of Node's.
 */
export function zlibOf({ versions, arch }: Runtime): string {
  const { zlib, bun, deno } = versions;
  const other = bun === undefined ? deno && `deno-${deno}` : `bun-${bun}`;
  return [`zlib-${zlib}`, ...(other === undefined ? [] : [other]), arch].join(';');
}

/** How one block is deflated, and in what memory. */
interface MemberCodec extends Pick<BlockCodec, 'newBlock' | 'freeBlock' | 'freeCompressed'> {
  /** `isReused`: the result is handed to `freeCompressed` in the end. */
  deflate(block: Uint8Array, dictionary: Uint8Array | undefined, isReused: boolean): Promise<Uint8Array>;
}

function oneMember(
  recipe: string,
  { blockSize, concurrency }: ResolvedBlockCompressorOptions,
  { deflate, ...memory }: MemberCodec,
): Compressor {
  return {
    compression: 'gzip',
    recipe,
    compress(source, { signal, reuse = false, onStored, onLent } = {}) {
      let crc = 0;
      let size = 0;
      const tellStored = onStored && storedRangesFrom(gzipHeader().byteLength, onStored);
      return compressBlocks(source, {
        blockSize,
        ...memory,
        concurrency,
        signal,
        reuse,
        onLent,
        header: gzipHeader,
        onBlock(block) {
          crc = crc32(block, crc);
          size += block.byteLength;
        },
        async compress(block, previous) {
          return block.byteLength === 0 ? new Uint8Array(0) : deflate(block, previous?.subarray(-windowSize), reuse);
        },
        onCompressed: tellStored,
        trailer: () => memberEnd(crc, size),
      });
    },
  };
}

function memberEnd(crc: number, size: number): Uint8Array {
  return Uint8Array.of(...deflateEnd(), ...gzipTrailer(crc, size));
}

/** Follows the blocks of a stream, the first of which begins at `offset`, and tells of those that are stored. */
function storedRangesFrom(
  offset: number,
  onStored: (range: StoredRange) => void,
): (compressed: Uint8Array, plainSize: number) => void {
  let plainOffset = 0;
  return (compressed, plainSize) => {
    if (plainSize > 0 && areStoredBlocks(compressed, plainSize)) onStored({ offset, plainOffset, plainSize });
    offset += compressed.byteLength;
    plainOffset += plainSize;
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
