import { availableParallelism } from 'node:os';
import * as zlib from 'node:zlib';
import { compressBlocks } from './compress-blocks.ts';
import type { Compressor } from './compressor.ts';
import { type BlockCompressorOptions, resolveCompressorOptions, workersFor } from './compressor-options.ts';
import { CompressionError } from './errors.ts';

/** The fallback's version; it stands in the recipe. A test compares it with the installed package. */
export const wasmVersion = '0.0.27';

/** Compresses one block to one zstd frame. */
interface FrameEncoder {
  readonly library: string;
  /** Whether blocks are compressed off the main thread, several at once. */
  readonly isPooled: boolean;
  encode(block: Uint8Array, level: number): Promise<Uint8Array>;
}

/** Whether {@link createZstdCompressor} finds an encoder: `node:zlib`'s (Node 22.15) or one that needs WebAssembly. */
export function isZstdAvailable(): boolean {
  return findEncoder() !== undefined;
}

/**
 * Compresses to a sequence of zstd frames, one per block: the same bytes whatever the timing and the number of cores. Uses
 * `node:zlib` on libuv's thread pool where it knows zstd, else WebAssembly on the main thread.
 *
 * @throws {CompressionError} `ERR_COMPRESSION_UNSUPPORTED` when this runtime has neither; out of the stream when the fallback
 * cannot be loaded.
 */
export function createZstdCompressor(options: BlockCompressorOptions = {}): Compressor {
  const encoder = findEncoder();
  if (encoder === undefined) {
    const message = 'Compressing zstd: expected Node 22.15 or newer, or WebAssembly, and found neither';
    throw new CompressionError('ERR_COMPRESSION_UNSUPPORTED', message);
  }
  return createZstdCompressorOn(encoder, options);
}

/** {@link createZstdCompressor} with the fallback, even where it is not needed. */
export function createWasmZstdCompressor(options: BlockCompressorOptions = {}): Compressor {
  return createZstdCompressorOn(wasmEncoder, options);
}

function createZstdCompressorOn(encoder: FrameEncoder, options: BlockCompressorOptions): Compressor {
  const workers = encoder.isPooled ? workersFor(availableParallelism()) : 1;
  const { level, blockSize, concurrency } = resolveCompressorOptions('zstd', options, workers);
  return {
    compression: 'zstd',
    recipe: `zstd;${encoder.library};level=${level};block=${blockSize / 1024}k;v1`,
    compress: (source, { signal } = {}) =>
      compressBlocks(source, {
        blockSize,
        concurrency,
        signal,
        compress: (block) => encoder.encode(block, level),
      }),
  };
}

function findEncoder(): FrameEncoder | undefined {
  // Types of Node 22, run on Node 20 too.
  if ((zlib.zstdCompress as unknown) !== undefined) return poolEncoder;
  return 'WebAssembly' in globalThis ? wasmEncoder : undefined;
}

const { zstd: libzstdVersion } = process.versions;

const poolEncoder: FrameEncoder = {
  library: `libzstd-${libzstdVersion}`,
  isPooled: true,
  encode(block, level) {
    const options = {
      params: { [zlib.constants.ZSTD_c_compressionLevel]: level },
      pledgedSrcSize: block.byteLength,
      chunkSize: Math.max(16 * 1024, Math.ceil(block.byteLength / 2)),
    };
    return new Promise((resolve, reject) => {
      zlib.zstdCompress(block, options, (error, frame) => (error ? reject(error) : resolve(frame)));
    });
  },
};

type WasmZstd = Pick<typeof import('@bokuweb/zstd-wasm'), 'compress' | 'init'>;

let wasmZstd: Promise<WasmZstd> | undefined;

const wasmEncoder: FrameEncoder = {
  library: `zstd-wasm-${wasmVersion}`,
  isPooled: false,
  async encode(block, level) {
    wasmZstd ??= loadWasm();
    const { compress } = await wasmZstd;
    // One block keeps the main thread busy for some 15 ms: let others have a turn in between.
    await new Promise((resolve) => setImmediate(resolve));
    return compress(block, level);
  },
};

async function loadWasm(): Promise<WasmZstd> {
  try {
    const library = await import('@bokuweb/zstd-wasm');
    await library.init();
    return library;
  } catch (cause) {
    const message = 'Compressing zstd: the WebAssembly encoder cannot be loaded, and this Node is older than 22.15';
    throw new CompressionError('ERR_COMPRESSION_UNSUPPORTED', message, { cause });
  }
}
