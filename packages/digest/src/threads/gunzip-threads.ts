import { assertChunk } from '@slipway/arguments';
import { DeflateError } from '@slipway/deflate';
import { copyBytes, createGunzipHashPool, type GunzipHashRun } from '@slipway/deflate/pool';
import type { Digest, DigestAlgorithm } from '@slipway/digest-value';
import { CompressionError } from '../errors.ts';
import type { MeasuredContent } from '../hashing/digester.ts';
import type { UnpackDigester, UnpackDigesterOptions } from '../unpacking/unpacking.ts';
import { ProcessPool } from './process-pool.ts';
import { SharedMemory } from './shared-memory.ts';

/** Compressed bytes reach the threads in pieces of so many, in memory that is used again. */
const pieceSize = 128 * 1024;
/** Pieces of one stream that may wait to be unpacked. */
const backlog = 2;

const sharedPieces = new SharedMemory(32);
const threads = new ProcessPool(createGunzipHashPool, () => sharedPieces.clear());

/** Unpacks gzip on this process's worker threads. */
export class GunzipDigester implements UnpackDigester {
  readonly #algorithm: DigestAlgorithm;
  readonly #signal: AbortSignal | undefined;
  readonly #run: GunzipHashRun;
  readonly #waiting: Promise<void>[] = [];
  readonly #onAbort = (): void => this[Symbol.dispose]();
  #lastFeed: Promise<void> = Promise.resolve();
  #isOver = false;
  #failure: { readonly error: unknown } | undefined;

  constructor({
    algorithm = 'sha256',
    signal,
    expectedSize,
    maxBytes,
    maxRatio,
    ratioFromBytes,
    surplus = 'ignore',
  }: UnpackDigesterOptions) {
    this.#algorithm = algorithm;
    this.#signal = signal;
    const pool = threads.enter();
    try {
      const limits = { maxSize: maxBytes, maxRatio, ratioFromSize: ratioFromBytes };
      this.#run = pool.begin({ algorithm, expectedSize, surplus, ...limits });
    } catch (error) {
      threads.leave();
      throw error;
    }
    if (signal?.aborted) this[Symbol.dispose]();
    else signal?.addEventListener('abort', this.#onAbort);
  }

  feed(chunk: Uint8Array): Promise<void> {
    // Several may be under way, when several readers take turns: a chunk in pieces is not cut into by the next one.
    const turn = this.#lastFeed.then(() => this.#take(chunk));
    this.#lastFeed = turn.catch(() => {}); // the caller hears of it
    return turn;
  }

  async #take(chunk: Uint8Array): Promise<void> {
    assertChunk(chunk);
    for (let from = 0; from < chunk.byteLength; from += pieceSize) {
      this.#assertGoing();
      this.#waiting.push(this.#send(chunk.subarray(from, from + pieceSize)));
      if (this.#waiting.length >= backlog) await this.#waiting.shift();
    }
    this.#assertGoing();
  }

  async end(): Promise<MeasuredContent> {
    await this.#lastFeed;
    this.#assertGoing();
    try {
      const { hash, size } = await this.#run.end();
      return { digest: `${this.#algorithm}:${hash}` as Digest, size };
    } catch (error) {
      throw this.#fail(error);
    } finally {
      this.#leave();
    }
  }

  [Symbol.dispose](): void {
    this.#run[Symbol.dispose]();
    this.#leave();
  }

  /** Never rejects: the next call says what went wrong. */
  async #send(bytes: Uint8Array): Promise<void> {
    const memory = sharedPieces.take(pieceSize);
    copyBytes(memory, 0, bytes);
    try {
      await this.#run.write(memory.subarray(0, bytes.byteLength));
    } catch (error) {
      this.#fail(error);
    }
    sharedPieces.giveBack(memory);
  }

  #assertGoing(): void {
    this.#signal?.throwIfAborted();
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  #fail(error: unknown): unknown {
    this.#failure ??= { error: this.#signal?.aborted ? this.#signal.reason : asCompressionError(error) };
    this.#leave();
    return this.#failure.error;
  }

  #leave(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#signal?.removeEventListener('abort', this.#onAbort);
    threads.leave();
  }
}

function asCompressionError(error: unknown): unknown {
  if (!(error instanceof DeflateError)) return error;
  const { code, message } = error;
  if (code === 'ERR_INFLATE_CORRUPT') return new CompressionError('ERR_COMPRESSION_CORRUPT', message, { cause: error });
  if (code === 'ERR_INFLATE_TOO_LARGE')
    return new CompressionError('ERR_COMPRESSION_TOO_LARGE', message, { cause: error });
  return error;
}
