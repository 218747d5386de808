import {
  ArgumentError,
  ArgumentRangeError,
  aNumber,
  aSignal,
  assertChunk,
  assertOptions,
  oneOf,
} from '@slipway/arguments';
import type { Compression } from '../compression/compressor.ts';
import { CompressionError } from '../errors.ts';
import { abortable } from '../streams/abortable.ts';
import type { AbortOptions, ByteStream } from '../streams/content.ts';

/** What can be decompressed: what layers are made with, and what archives are found in. */
export type ReadableCompression = Compression | 'xz' | 'bzip2';

/** Limits of a decompression. Memory is bounded without them; they bound how much work a small input can ask for. */
export interface DecompressOptions extends AbortOptions {
  /** Plain bytes allowed in all. @default no limit */
  readonly maxBytes?: number | undefined;
  /**
   * Plain bytes allowed per compressed byte, looked at once more than `ratioFromBytes` have come out. Zeros are honest
   * content: gzip makes one byte of up to 1,032 of them, zstd of up to 32,768.
   *
   * @default no limit
   */
  readonly maxRatio?: number | undefined;
  /** Plain bytes that may come out at any ratio. @default 1048576 (1 MiB) */
  readonly ratioFromBytes?: number | undefined;
  /**
   * What becomes of bytes behind the last gzip member that begin no further one: padding of tapes, mostly. `gzip -d`
   * ignores them, Go's decoder refuses them. @default 'refuse'
   */
  readonly surplus?: 'refuse' | 'ignore' | undefined;
}

/** The decoders of a runtime. */
export interface Decoders {
  readonly gunzip: (source: ByteStream) => ByteStream;
  readonly unzstd: (source: ByteStream) => ByteStream;
  readonly unxz?: ((source: ByteStream) => ByteStream) | undefined;
  readonly bunzip2?: ((source: ByteStream) => ByteStream) | undefined;
}

const defaultRatioFromBytes = 1024 * 1024;

/** `decompress` over any implementation of the decoders. */
export function decompressWith(
  { gunzip, unzstd, unxz, bunzip2 }: Decoders,
  stream: ByteStream,
  compression: ReadableCompression,
  options: DecompressOptions,
): ByteStream {
  assertOptions('options', options, {
    optional: {
      maxBytes: aNumber,
      maxRatio: aNumber,
      ratioFromBytes: aNumber,
      surplus: oneOf('refuse', 'ignore'),
      signal: aSignal,
    },
  });
  const bounds = new Bounds(options);
  const source = bounds.countIn(abortable(stream, options.signal));
  switch (compression) {
    case 'none':
      return bounds.checkOut(source);
    case 'gzip':
      return bounds.checkOut(gunzip(source));
    case 'zstd':
      return bounds.checkOut(unzstd(source));
    case 'xz':
      return bounds.checkOut((unxz ?? unsupported('xz'))(source));
    case 'bzip2':
      return bounds.checkOut((bunzip2 ?? unsupported('bzip2'))(source));
    default:
      throw new ArgumentError(
        'compression',
        `Expected \`compression\` to be none, gzip, zstd, xz or bzip2, got ${compression satisfies never}`,
      );
  }
}

function unsupported(compression: string): never {
  throw new CompressionError(
    'ERR_COMPRESSION_UNSUPPORTED',
    `Decompressing ${compression}: expected Node, which has it`,
  );
}

type Limits = Pick<DecompressOptions, 'maxBytes' | 'maxRatio' | 'ratioFromBytes'>;

/** @throws {RangeError} when a limit is not a number from 0 */
export function assertLimits({ maxBytes, maxRatio, ratioFromBytes }: Limits): void {
  for (const [name, value = 0] of Object.entries({ maxBytes, maxRatio, ratioFromBytes })) {
    if (!(value >= 0)) throw new ArgumentRangeError(name, `Expected \`${name}\` to be a number from 0, got ${value}`);
  }
}

/** Counts what goes into and what comes out of a decoder, and refuses what is too much. */
class Bounds {
  readonly #maxBytes: number;
  readonly #maxRatio: number;
  readonly #ratioFromBytes: number;
  #read = 0;
  #written = 0;

  constructor(options: DecompressOptions) {
    const { maxBytes = Number.POSITIVE_INFINITY, maxRatio = Number.POSITIVE_INFINITY } = options;
    const { ratioFromBytes = defaultRatioFromBytes } = options;
    assertLimits(options);
    this.#maxBytes = maxBytes;
    this.#maxRatio = maxRatio;
    this.#ratioFromBytes = ratioFromBytes;
  }

  async *countIn(source: ByteStream): AsyncGenerator<Uint8Array, void, void> {
    for await (const chunk of source) {
      assertChunk(chunk);
      this.#read += chunk.byteLength;
      yield chunk;
    }
  }

  async *checkOut(plain: ByteStream): AsyncGenerator<Uint8Array, void, void> {
    for await (const chunk of plain) {
      this.#written += chunk.byteLength;
      if (this.#written > this.#maxBytes) throw this.#tooLarge(`${this.#maxBytes} bytes`);
      if (this.#written > this.#ratioFromBytes && this.#written > this.#maxRatio * this.#read) {
        throw this.#tooLarge(`${this.#maxRatio} bytes per compressed byte`);
      }
      yield chunk;
    }
  }

  #tooLarge(limit: string): CompressionError {
    const message = `Decompressing: expected at most ${limit}, got at least ${this.#written} bytes from ${this.#read}`;
    return new CompressionError('ERR_COMPRESSION_TOO_LARGE', message);
  }
}
