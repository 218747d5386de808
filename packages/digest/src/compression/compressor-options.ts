import { ArgumentRangeError, anything, assertOptions } from '@slipway/arguments';
/** How a compressor that works on blocks is set up. */
export interface BlockCompressorOptions {
  /** Higher is smaller and slower. @default 2 for gzip (1 to 9), 6 with zlib and fflate, 3 for zstd (1 to 19) */
  readonly level?: number | undefined;
  /** Plain bytes per block, a multiple of 1024. @default 256 KiB for gzip, 1 MiB for portable gzip and for zstd */
  readonly blockSize?: number | undefined;
  /**
   * Blocks compressed at once. Decides speed and memory, never the bytes.
   * @default one more than there are cores, or one where work is on the calling thread
   */
  readonly concurrency?: number | undefined;
}

/** With what gzip is made. */
export type GzipCompressorKind = 'deflate' | 'zlib' | 'fflate';

export interface GzipCompressorOptions extends BlockCompressorOptions {
  /**
   * `deflate` is the same everywhere and the fastest; with it, levels above 6 mean 6. `fflate` is the same everywhere,
   * and slow. The bytes of `zlib` are those of this runtime's own build of it.
   * @default deflate, and zlib without WebAssembly SIMD
   */
  readonly compressor?: GzipCompressorKind | undefined;
}

/** {@link BlockCompressorOptions} with nothing left open. */
export interface ResolvedBlockCompressorOptions {
  readonly level: number;
  readonly blockSize: number;
  readonly concurrency: number;
}

/** Defaults per codec; `concurrency` is the machine's, so it is not among them. */
export const compressorDefaults: Readonly<
  Record<'gzip' | 'zlibGzip' | 'portableGzip' | 'zstd', Omit<ResolvedBlockCompressorOptions, 'concurrency'>>
> = Object.freeze({
  gzip: Object.freeze({ level: 2, blockSize: 256 * 1024 }),
  zlibGzip: Object.freeze({ level: 6, blockSize: 256 * 1024 }),
  portableGzip: Object.freeze({ level: 6, blockSize: 1024 * 1024 }),
  zstd: Object.freeze({ level: 3, blockSize: 1024 * 1024 }),
});

const highestLevel = { gzip: 9, zlibGzip: 9, portableGzip: 9, zstd: 19 } as const;
/** Deflate looks back 32 KiB: with shorter blocks, one block would not be dictionary enough for the next. */
const smallestBlock = 32 * 1024;
const largestBlock = 16 * 1024 * 1024;

/** The only place defaults are applied. Explicit `undefined` means "default". */
export function resolveCompressorOptions(
  codec: keyof typeof compressorDefaults,
  options: BlockCompressorOptions,
  workers: number,
): ResolvedBlockCompressorOptions {
  assertOptions('options', options, { optional: { level: anything, blockSize: anything, concurrency: anything } });
  const defaults = compressorDefaults[codec];
  const { level = defaults.level, blockSize = defaults.blockSize, concurrency = workers } = options;
  assertInteger('level', level, 1, highestLevel[codec]);
  assertInteger('blockSize', blockSize, smallestBlock, largestBlock);
  if (blockSize % 1024 !== 0)
    throw new ArgumentRangeError('blockSize', `Expected \`blockSize\` to be a multiple of 1024, got ${blockSize}`);
  assertInteger('concurrency', concurrency, 1, 1024);
  return { level, blockSize, concurrency };
}

function assertInteger(name: string, value: number, least: number, most: number): void {
  if (Number.isInteger(value) && value >= least && value <= most) return;
  throw new ArgumentRangeError(name, `Expected \`${name}\` to be an integer from ${least} to ${most}, got ${value}`);
}

/**
 * One more than there are cores: a core that finishes a block finds the next one waiting, however busy the main thread
 * is.
 */
export function workersFor(cores: number): number {
  return cores + 1;
}
