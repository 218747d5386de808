import { createHash } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { aNumber, aString, assertOptions, outOfRange } from './call-checks.ts';
import { decoderModule } from './decoder.ts';
import { DeflateError } from './errors.ts';
import { type GunzipAnswer, type GunzipBegin, gunzipWorkerSource } from './gunzip-worker.ts';
import type { WebAssemblyModule } from './web-assembly.ts';
import { closedError, sendable, WorkerThread } from './worker-thread.ts';

/** How many threads a pool has. */
export interface GunzipPoolOptions {
  /** Worker threads at most; each starts when it is first needed. @default as many as there are cores */
  readonly threads?: number | undefined;
}

/** What one stream is unpacked under: limits against decompression bombs, and the hash to make. */
export interface GunzipHashOptions {
  /** A hash of `node:crypto`. @default 'sha256' */
  readonly algorithm?: string | undefined;
  /**
   * Compressed bytes that will come, as far as is known: one thread takes many short streams, and is spared the memory
   * of a second.
   * @default enough for a thread
   */
  readonly expectedSize?: number | undefined;
  /** Plain bytes allowed in all. @default no limit */
  readonly maxSize?: number | undefined;
  /**
   * Plain bytes allowed per compressed byte, looked at once more than `ratioFromSize` have come out.
   * @default no limit
   */
  readonly maxRatio?: number | undefined;
  /** Plain bytes that may come out at any ratio. @default 1048576 (1 MiB) */
  readonly ratioFromSize?: number | undefined;
  /**
   * What becomes of bytes behind the last member that begin no further one. One that is damaged before its first
   * content counts as such: whoever compares the hash sees that it is missing. @default 'refuse'
   */
  readonly surplus?: 'refuse' | 'ignore' | undefined;
}

/** What was unpacked. */
export interface GunzipHash {
  /** In hexadecimal letters. */
  readonly hash: string;
  /** Plain bytes in all. */
  readonly size: number;
}

/** One gzip stream on its way through a thread. Leaving scope gives it up. */
export interface GunzipHashRun extends Disposable {
  /**
   * The next compressed bytes. Resolves when the thread has read them, and they may be written over; several may be on
   * their way. Bytes on a SharedArrayBuffer are not copied.
   *
   * @throws {DeflateError} `ERR_INFLATE_CORRUPT`, `ERR_INFLATE_TOO_LARGE`, `ERR_DEFLATE_WORKER`, `ERR_DEFLATE_CLOSED`;
   * so do all later calls.
   */
  write(bytes: Uint8Array): Promise<void>;
  /** Nothing more comes: what it was. @throws {DeflateError} as `write`, and when the stream was cut */
  end(): Promise<GunzipHash>;
}

/**
 * Worker threads that unpack gzip to say what is in it; the plain bytes stay in the thread. They keep the process alive
 * only while there is something to read. Leaving scope ends them; what is not done by then is rejected with
 * `ERR_DEFLATE_CLOSED`.
 */
export interface GunzipHashPool extends AsyncDisposable {
  /** Worker threads at most. */
  readonly threads: number;
  /**
   * Begins with a stream of one or more gzip members (RFC 1952). All of it is unpacked on one thread, with 320 KiB of
   * memory.
   *
   * @throws {RangeError} when `algorithm` is not known, or a limit is not a number from 0.
   * @throws {DeflateError} `ERR_DEFLATE_CLOSED`.
   */
  begin(options?: GunzipHashOptions): GunzipHashRun;
}

/**
 * A pool of worker threads for Node. The threads run from memory: there is no file to ship.
 *
 * @throws {DeflateError} `ERR_DEFLATE_UNSUPPORTED`, without WebAssembly SIMD.
 * @throws {RangeError} when `threads` is not a positive integer.
 */
export function createGunzipHashPool(options: GunzipPoolOptions = {}): GunzipHashPool {
  assertOptions(options, { threads: aNumber });
  const { threads = availableParallelism() } = options;
  if (!(Number.isInteger(threads) && threads > 0)) {
    throw outOfRange('threads', 'a positive integer', threads);
  }
  return new Pool(threads, decoderModule());
}

/** A thread that has so many compressed bytes before it is not given more while another may be started. */
const worthAThread = 48 * 1024 * 1024;

/** A thread, and the expected sizes of the runs that it has. */
type Load = readonly [WorkerThread<GunzipAnswer>, Map<Run, number>];

class Pool implements GunzipHashPool {
  readonly threads: number;
  readonly #module: WebAssemblyModule;
  readonly #threads = new Map<Load[0], Load[1]>();
  #closed = false;

  constructor(threads: number, module: WebAssemblyModule) {
    this.threads = threads;
    this.#module = module;
  }

  begin(options: GunzipHashOptions = {}): GunzipHashRun {
    const begin = resolve(options);
    if (this.#closed) throw closedError();
    const [thread, runs] = this.#leastBusy();
    const run = new Run(thread, begin, () => runs.delete(run));
    runs.set(run, options.expectedSize ?? worthAThread);
    return run;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    const threads = [...this.#threads];
    this.#threads.clear();
    for (const [, runs] of threads) for (const run of [...runs.keys()]) run.fail(closedError());
    await Promise.all(threads.map(([thread]) => thread.end(closedError())));
  }

  #leastBusy(): Load {
    let best: Load | undefined;
    let least = Number.POSITIVE_INFINITY;
    for (const load of this.#threads) {
      const expected = [...load[1].values()].reduce((sum, size) => sum + size, 0);
      if (best === undefined || expected < least) {
        best = load;
        least = expected;
      }
    }
    const isBusy = least >= worthAThread;
    return best === undefined || (isBusy && this.#threads.size < this.threads) ? this.#start() : best;
  }

  #start(): Load {
    const thread = new WorkerThread<GunzipAnswer>({
      name: 'slipway-gunzip',
      source: gunzipWorkerSource,
      module: this.#module,
      onExit: () => this.#threads.delete(thread),
    });
    const runs = new Map<Run, number>();
    this.#threads.set(thread, runs);
    return [thread, runs];
  }
}

let runs = 0;

class Run implements GunzipHashRun {
  readonly #thread: WorkerThread<GunzipAnswer>;
  readonly #id = runs++;
  readonly #onEnd: () => void;
  #begin: GunzipBegin | undefined;
  #isEnded = false;
  /** Whether the thread has said what the stream was. */
  #isDone = false;
  #failure: unknown;

  constructor(thread: WorkerThread<GunzipAnswer>, begin: GunzipBegin, onEnd: () => void) {
    this.#thread = thread;
    this.#begin = begin;
    this.#onEnd = onEnd;
  }

  async write(bytes: Uint8Array): Promise<void> {
    this.#assertOpen();
    if (bytes.byteLength > 0) await this.#ask(sendable(bytes), false);
  }

  async end(): Promise<GunzipHash> {
    this.#assertOpen();
    this.#isEnded = true;
    const { result } = await this.#ask(new Uint8Array(0), true);
    this.#isDone = true;
    this.#onEnd();
    return result as GunzipHash;
  }

  /** What comes after this is rejected with `error`. */
  fail(error: unknown): void {
    this.#failure ??= error;
    this.#onEnd();
  }

  [Symbol.dispose](): void {
    if (this.#isDone || this.#failure !== undefined) return;
    this.fail(closedError());
    // The thread lets go of what it has: when it hears this, or when it answers `end`.
    if (this.#begin === undefined && !this.#isEnded) this.#send(undefined, false).catch(() => {});
  }

  async #ask(bytes: Uint8Array, isLast: boolean): Promise<GunzipAnswer> {
    try {
      const answer = await this.#send(bytes, isLast);
      if (answer.failure !== undefined) throw errorOf(answer.failure);
      if (this.#failure !== undefined) throw this.#failure;
      return answer;
    } catch (error) {
      this.fail(error);
      throw this.#failure;
    }
  }

  #send(bytes: Uint8Array | undefined, isLast: boolean): Promise<GunzipAnswer> {
    const begin = this.#begin;
    this.#begin = undefined;
    return this.#thread.ask({ run: this.#id, begin, bytes, isLast });
  }

  #assertOpen(): void {
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#isEnded) throw new TypeError('Expected a stream that has not ended, got one after `end`');
  }
}

const hashKinds = {
  algorithm: aString,
  expectedSize: aNumber,
  maxSize: aNumber,
  maxRatio: aNumber,
  ratioFromSize: aNumber,
  surplus: aString,
} as const;

function resolve(options: GunzipHashOptions): GunzipBegin {
  assertOptions(options, hashKinds);
  const { algorithm = 'sha256', maxSize = Number.POSITIVE_INFINITY } = options;
  const { maxRatio = Number.POSITIVE_INFINITY, ratioFromSize = 1024 * 1024, surplus = 'refuse' } = options;
  for (const [name, value] of Object.entries({ maxSize, maxRatio, ratioFromSize })) {
    if (!(value >= 0)) throw outOfRange(name, 'a number from 0', value);
  }
  if (surplus !== 'refuse' && surplus !== 'ignore') throw outOfRange('surplus', 'refuse or ignore', surplus);
  if (!isHash(algorithm)) {
    throw outOfRange('algorithm', 'a hash of node:crypto', algorithm);
  }
  return { algorithm, maxSize, maxRatio, ratioFromSize, surplus };
}

/** Asked here, because a thread that throws ends, with all the runs that it has. */
function isHash(algorithm: string): boolean {
  try {
    createHash(algorithm);
    return true;
  } catch {
    return false;
  }
}

function errorOf(failure: NonNullable<GunzipAnswer['failure']>): DeflateError {
  if ('reason' in failure) return new DeflateError('ERR_INFLATE_CORRUPT', `Unpacking gzip: ${failure.reason}`);
  const { read, size } = failure;
  return new DeflateError('ERR_INFLATE_TOO_LARGE', `Unpacking gzip: got ${size} bytes from ${read}, more than allowed`);
}
