import { aNumber, anything, aSignal, assertArgument, assertChunk, assertOptions, oneOf } from '@slipway/arguments';
import { isDeflateAvailable } from '@slipway/deflate';
import { parseAlgorithm } from '@slipway/digest-value';
import type { Compression } from '../compression/compressor.ts';
import type { MeasuredContent } from '../hashing/digester.ts';
import { digestStream } from '../hashing/hashing.ts';
import type { ByteStream } from '../streams/content.ts';
import { GunzipDigester } from '../threads/gunzip-threads.ts';
import { decompress } from './decompress.ts';
import { assertLimits } from './decompression.ts';
import type { UnpackDigester, UnpackDigesterOptions } from './unpacking.ts';

/**
 * Works out the digest of what compressed bytes unpack to, in bounded memory: gzip on a worker thread, so that who
 * feeds it can do something else; zstd, and gzip where there is no WebAssembly SIMD, beside the caller. What follows
 * the last gzip member is ignored unless `surplus` says otherwise, as `gzip -d` does: the digest says whether anything
 * is missing. What follows the last frame is refused.
 *
 * @throws {RangeError} when a limit is not a number from 0.
 * @throws {InvalidDigestError} `ERR_DIGEST_UNSUPPORTED` for an algorithm that no digest is made with.
 */
export function createUnpackDigester(compression: Compression, options: UnpackDigesterOptions = {}): UnpackDigester {
  assertArgument('compression', compression, oneOf('none', 'gzip', 'zstd'));
  assertOptions('options', options, {
    optional: {
      algorithm: anything,
      expectedSize: aNumber,
      maxBytes: aNumber,
      maxRatio: aNumber,
      ratioFromBytes: aNumber,
      surplus: oneOf('refuse', 'ignore'),
      signal: aSignal,
    },
  });
  assertLimits(options);
  if (options.algorithm !== undefined) parseAlgorithm(options.algorithm);
  return compression === 'gzip' && isDeflateAvailable()
    ? new GunzipDigester(options)
    : new QueueDigester(compression, options);
}

/** Compressed bytes that may wait to be unpacked. */
const backlogBytes = 1024 * 1024;

/** Unpacks with the decoders of {@link decompress}, beside the caller. */
class QueueDigester implements UnpackDigester {
  readonly #queue: Uint8Array[] = [];
  readonly #result: Promise<MeasuredContent>;
  readonly #abort = new AbortController();
  readonly #signal: AbortSignal | undefined;
  #queued = 0;
  #isEnded = false;
  #failure: { readonly error: unknown } | undefined;
  #wake: () => void = () => {};
  #makeRoom: () => void = () => {};
  #room: Promise<void> | undefined;

  constructor(
    compression: Compression,
    { algorithm, signal, expectedSize: _, surplus = 'ignore', ...limits }: UnpackDigesterOptions,
  ) {
    this.#signal = signal;
    const aborted = signal === undefined ? this.#abort.signal : AbortSignal.any([signal, this.#abort.signal]);
    const plain = decompress(this.#taken(), compression, { ...limits, surplus, signal: aborted });
    this.#result = digestStream(plain, { algorithm, signal: aborted });
    this.#result.catch((error: unknown) => {
      this.#failure = { error };
      this.#makeRoom();
    });
  }

  async feed(chunk: Uint8Array): Promise<void> {
    assertChunk(chunk);
    this.#assertGoing();
    this.#queue.push(new Uint8Array(chunk));
    this.#queued += chunk.byteLength;
    this.#wake();
    if (this.#queued <= backlogBytes) return;
    this.#room ??= new Promise((resolve) => {
      this.#makeRoom = () => {
        this.#room = undefined;
        resolve();
      };
    });
    await this.#room;
    this.#assertGoing();
  }

  async end(): Promise<MeasuredContent> {
    this.#isEnded = true;
    this.#wake();
    return await this.#result;
  }

  [Symbol.dispose](): void {
    this.#abort.abort();
  }

  #assertGoing(): void {
    this.#signal?.throwIfAborted();
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  async *#taken(): ByteStream {
    for (;;) {
      const chunk = this.#queue.shift();
      if (chunk !== undefined) {
        this.#queued -= chunk.byteLength;
        if (this.#queued <= backlogBytes) this.#makeRoom();
        yield chunk;
      } else if (this.#isEnded) return;
      else {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
    }
  }
}
