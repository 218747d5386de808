import { availableParallelism } from 'node:os';
import { aNumber, aSignal, assertArgument, assertOptions, outOfRange, someBytes } from './call-checks.ts';
import { encoderModule, joined, type Piece, piecesOf } from './encoder.ts';
import {
  type DeflateFileOptions,
  type DeflateFileRun,
  FileRun,
  nextId,
  type PoolJob,
  readError,
  resolveFileOptions,
} from './file-run.ts';
import { type DeflateOptions, deflateKinds, resolveDeflateOptions } from './options.ts';
import { type WorkerAnswer, workerSource } from './pool-worker.ts';
import type { WebAssemblyModule } from './web-assembly.ts';
import { closedError, sendable, WorkerThread, type WorkerThreadOptions } from './worker-thread.ts';

/** How many threads a pool has. */
export interface DeflatePoolOptions {
  /**
   * Worker threads at most; each starts when it is first needed, and keeps 3 MiB.
   * @default as many as there are cores
   */
  readonly threads?: number | undefined;
  /**
   * Plain bytes that the calling thread deflates, a block a turn of the event loop and the oldest file first, before a
   * worker thread starts: so few do not pay for one. Input that exceeds them goes to worker threads, with all that
   * comes after it; and all of it, where `expect` has said that there is more.
   * @default 0
   */
  readonly withoutThreads?: number | undefined;
}

export interface PoolDeflateOptions extends DeflateOptions {
  /** Gives the block up, with the signal's own reason. */
  readonly signal?: AbortSignal | undefined;
  /**
   * Memory on a SharedArrayBuffer for the result, which is a view of it then; new memory is made where the result does
   * not fit, or the input has more than 1,048,560 bytes. Do not read or write it before the promise settles. When it
   * rejects, a worker may still write to it. @default new memory
   */
  readonly output?: Uint8Array | undefined;
}

/**
 * Worker threads that deflate. They keep the process alive only while there is work. Leaving scope ends them; work that
 * is not done by then is rejected with `ERR_DEFLATE_CLOSED`.
 */
export interface DeflatePool extends AsyncDisposable {
  /** Worker threads at most. */
  readonly threads: number;
  /**
   * Says how many plain bytes are going to be asked for, beside those of which that was said before: where all of them
   * exceed `withoutThreads`, the first ones go to worker threads, too, and as many as that pays for start at once.
   * Nothing has to be said.
   *
   * @throws {RangeError} when it is no integer from 0.
   */
  expect(bytes: number): void;
  /**
   * The bytes that `deflateBlock` makes, made elsewhere. Blocks and dictionaries on a SharedArrayBuffer are not copied
   * on their way to a worker; others are, when one is free to take them. Do not write to either before the promise
   * settles.
   *
   * A pool takes any number of blocks and holds those that no worker has taken yet: await some before you give more.
   *
   * @throws {DeflateError} `ERR_DEFLATE_WORKER` when the thread ended; `ERR_DEFLATE_CLOSED` after disposal.
   * @throws the signal's reason, once it aborts.
   */
  deflate(input: Uint8Array, options?: PoolDeflateOptions): Promise<Uint8Array>;
  /**
   * Begins with a file that the threads read by themselves: no byte of it passes through this thread. One thread reads
   * and hashes all of it; it deflates what it can, and idle threads the rest.
   *
   * @throws {DeflateError} `ERR_DEFLATE_CLOSED`
   * @throws {RangeError} when an option is out of range, or the hash is not known.
   */
  deflateFile(options: DeflateFileOptions): DeflateFileRun;
}

type Thread = WorkerThread<WorkerAnswer>;

/** One being worked on, one at hand: a worker that is done need not wait for this thread to hear of it. */
const jobsPerThread = 2;

/**
 * A pool of worker threads for Node. The threads run from memory: there is no file to ship.
 *
 * @throws {DeflateError} `ERR_DEFLATE_UNSUPPORTED`, without WebAssembly SIMD.
 * @throws {RangeError} when `threads` is not a positive integer, or `withoutThreads` none from 0.
 */
export function createDeflatePool(options: DeflatePoolOptions = {}): DeflatePool {
  assertOptions(options, { threads: aNumber, withoutThreads: aNumber });
  const { threads = availableParallelism(), withoutThreads = 0 } = options;
  if (!(Number.isInteger(threads) && threads > 0)) {
    throw outOfRange('threads', 'a positive integer', threads);
  }
  if (!(Number.isSafeInteger(withoutThreads) && withoutThreads >= 0)) {
    throw outOfRange('withoutThreads', 'an integer from 0', withoutThreads);
  }
  return new WorkerPool(threads, withoutThreads, encoderModule());
}

const blockKinds = { ...deflateKinds, signal: aSignal, output: someBytes } as const;

class WorkerPool implements DeflatePool {
  readonly threads: number;
  readonly #module: WebAssemblyModule;
  readonly #threads = new Set<Thread>();
  readonly #files = new Set<FileRun>();
  readonly #given: Record<string, object> = {};
  readonly #waiting = new Set<PoolJob>();
  /** The calling thread in a worker's place: the first bytes are its, and what it has begun. */
  #here: Thread | undefined;
  /** What the calling thread may still take; undefined once there was more than that. */
  #leftForHere: number | undefined;
  readonly #withoutThreads: number;
  #expected = 0;
  #closed = false;

  constructor(threads: number, withoutThreads: number, module: WebAssemblyModule) {
    this.threads = threads;
    this.#leftForHere = withoutThreads;
    this.#withoutThreads = withoutThreads;
    this.#module = module;
  }

  expect(bytes: number): void {
    assertArgument('bytes', bytes, aNumber);
    if (!(Number.isSafeInteger(bytes) && bytes >= 0)) {
      throw outOfRange('bytes', 'an integer from 0', bytes);
    }
    this.#expected += bytes;
    if (this.#closed || this.#expected <= this.#withoutThreads) return;
    this.#leftForHere = undefined;
    const paid = this.#withoutThreads === 0 ? 0 : Math.min(this.threads, this.#expected / this.#withoutThreads);
    while (this.#threads.size < Math.floor(paid)) this.#startThread();
  }

  async deflate(input: Uint8Array, options: PoolDeflateOptions = {}): Promise<Uint8Array> {
    assertArgument('input', input, someBytes);
    assertOptions(options, blockKinds);
    const { signal, output } = options;
    signal?.throwIfAborted();
    if (output !== undefined && !(output.buffer instanceof SharedArrayBuffer)) {
      throw outOfRange('output', 'on a SharedArrayBuffer', output);
    }
    const pieces = piecesOf(input, resolveDeflateOptions(options));
    if (this.#closed) throw closedError();
    this.#count(input.byteLength);
    const target = pieces.length === 1 ? output : undefined;
    return joined(await Promise.all(pieces.map((piece) => this.#run(piece, target, signal))));
  }

  deflateFile(options: DeflateFileOptions): DeflateFileRun {
    const resolved = resolveFileOptions(options);
    if (this.#closed) throw closedError();
    this.#given['node:fs'] = { readSync: resolved.readSync };
    this.#count(resolved.size);
    const run = new FileRun(resolved, {
      add: (job) => {
        this.#waiting.add(job);
        this.#assign();
      },
      drop: (job) => this.#waiting.delete(job),
      onRoom: () => this.#assign(),
    });
    this.#files.add(run);
    void run.settled().then(() => this.#files.delete(run));
    return run;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    for (const file of this.#files) file.fail(closedError());
    for (const job of this.#waiting) job.settle({ error: closedError() });
    this.#waiting.clear();
    const threads = this.#here === undefined ? [...this.#threads] : [this.#here, ...this.#threads];
    this.#threads.clear();
    await Promise.all(threads.map((thread) => thread.end(closedError())));
  }

  #run(piece: Piece, output: Uint8Array | undefined, signal: AbortSignal | undefined): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      const giveUp = (): void => {
        this.#waiting.delete(job); // a worker that has it already finishes it, which takes milliseconds, for nobody
        reject(signal?.reason);
      };
      const { level, dictionary, final } = piece.options;
      const job: PoolJob = {
        order: nextId(),
        preferred: () => undefined,
        isBound: false,
        askOf: () => {
          const bytes = sendable(piece.bytes);
          return { request: { piece: { bytes, level, dictionary: sendable(dictionary), final, output } }, output };
        },
        settle(outcome) {
          signal?.removeEventListener('abort', giveUp);
          if ('deflated' in outcome) resolve(outcome.deflated);
          else reject(outcome.error);
        },
      };
      signal?.addEventListener('abort', giveUp, { once: true });
      this.#waiting.add(job);
      this.#assign();
    });
  }

  /** Takes work into account before it is asked for: whether it is the calling thread's is decided once, for all. */
  #count(bytes: number): void {
    if (this.#leftForHere === undefined) return;
    this.#leftForHere = bytes > this.#leftForHere ? undefined : this.#leftForHere - bytes;
  }

  /**
   * Hands waiting work out. What finds no thread stays, in its order: whatever comes behind it and belongs where it
   * does, stays too. On the calling thread the oldest file goes first: of several that take turns, none would be there
   * to be sent before the last one is.
   */
  #assign(): void {
    const isHere = this.#leftForHere !== undefined;
    const waiting = isHere ? [...this.#waiting].sort((a, b) => a.order - b.order) : this.#waiting;
    for (const job of waiting) {
      const thread = this.#threadFor(job);
      if (thread === undefined) continue;
      this.#waiting.delete(job);
      void this.#give(thread, job);
    }
  }

  /**
   * The thread that work belongs on, else one that is idle, or new; work that belongs nowhere also lies down beside
   * what a thread has.
   */
  #threadFor(job: PoolJob): Thread | undefined {
    const preferred = job.preferred();
    if (preferred !== undefined && preferred.pending < jobsPerThread) return preferred;
    if (preferred !== undefined && job.isBound) return undefined;
    if (this.#leftForHere !== undefined) {
      this.#here ??= this.#start({ isHere: true });
      return this.#here.pending < jobsPerThread ? this.#here : undefined;
    }
    if (job.isBound) return this.#leastBound();
    let best: Thread | undefined;
    for (const thread of this.#threads) {
      if (best === undefined || thread.pending < best.pending) best = thread;
    }
    if (best?.pending === 0) return best;
    if (this.#threads.size < this.threads) return this.#startThread();
    return preferred === undefined && best !== undefined && best.pending < jobsPerThread ? best : undefined;
  }

  /** For a file that one thread makes all of: the thread with the fewest files. */
  #leastBound(): Thread | undefined {
    const files = new Map<Thread, number>([...this.#threads].map((thread) => [thread, 0]));
    for (const { lead } of this.#files) if (lead !== undefined) files.set(lead, (files.get(lead) ?? 0) + 1);
    const [best] = [...this.#threads].sort((a, b) => (files.get(a) ?? 0) - (files.get(b) ?? 0));
    if ((best === undefined || files.get(best) !== 0) && this.#threads.size < this.threads) return this.#startThread();
    return best !== undefined && best.pending < jobsPerThread ? best : undefined;
  }

  async #give(thread: Thread, { askOf, settle }: PoolJob): Promise<void> {
    try {
      const { request, output } = askOf(thread);
      const { result, sizes, failure } = await thread.ask(request);
      if (failure !== undefined) settle({ error: readError(failure) });
      else {
        const deflated =
          typeof result === 'number' ? (output as Uint8Array).subarray(0, result) : (result as Uint8Array);
        settle({ deflated, sizes });
      }
    } catch (error) {
      settle({ error });
    }
    this.#assign();
  }

  #startThread(): Thread {
    const thread = this.#start({ isHere: false });
    this.#threads.add(thread);
    return thread;
  }

  #start({ isHere }: Pick<WorkerThreadOptions, 'isHere'>): Thread {
    const thread: Thread = new WorkerThread<WorkerAnswer>({
      name: 'slipway-deflate',
      source: workerSource,
      module: this.#module,
      given: this.#given,
      isHere,
      onExit: () => this.#threads.delete(thread),
    });
    return thread;
  }
}
