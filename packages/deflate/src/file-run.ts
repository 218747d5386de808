import { createHash } from 'node:crypto';
import { aFunction, anObject, aSignal, assertArgument, outOfRange } from './call-checks.ts';
import { pieceSize } from './encoder.ts';
import { DeflateError } from './errors.ts';
import { type DeflateLevel, type DeflateOptions, resolveDeflateOptions, windowSize } from './options.ts';
import type { BlocksRequest, FileSums, ResultHash, WorkerAnswer, WorkerRequest } from './pool-worker.ts';
import type { WorkerThread } from './worker-thread.ts';

/** Plain bytes of a file's blocks at most. */
export const largestFileBlock: number = pieceSize;

/**
 * Bytes of a file, and how they are deflated: as one stream of blocks, each with the bytes before it as its dictionary.
 */
export interface DeflateFileOptions extends Pick<DeflateOptions, 'level'> {
  /** An open file of this process. It has to stay open until the run has settled. */
  readonly fd: number;
  /** First byte. */
  readonly start: number;
  readonly size: number;
  /** Plain bytes of a block: 32 KiB to {@link largestFileBlock}. The last may be shorter. */
  readonly blockSize: number;
  /** Blocks that a thread is asked for at once: each question costs both threads as much as some KiB do. @default 2 */
  readonly blocksAtOnce?: number | undefined;
  /** A hash of `node:crypto`. @default 'sha256' */
  readonly algorithm?: string | undefined;
  /**
   * Has what is made hashed, too. For files of which next to nothing can be compressed: one thread makes all of it
   * then, as hashing is most of the work. @default it is not
   */
  readonly resultHash?: ResultHash | undefined;
  /** That of `node:fs`: this thread reads with it where no other one starts. */
  readonly readSync: ReadSync;
  /** Gives the run up, with the signal's own reason. */
  readonly signal?: AbortSignal | undefined;
}

/** Reads into part of `target`, and says how many bytes; 0 at the end of the file. */
export type ReadSync = (fd: number, target: Uint8Array, offset: number, length: number, position: number) => number;

/** Blocks that lie one after the other, deflated. */
export interface DeflatedBlocks {
  /** One behind the other, each to a byte boundary, none of them final. */
  readonly bytes: Uint8Array;
  /** How many of the bytes are each block's. */
  readonly sizes: readonly number[];
}

/** A file on its way through a pool's threads. Leaving scope gives it up. */
export interface DeflateFileRun extends Disposable {
  /** How often {@link next} is to be called. */
  readonly turns: number;
  /**
   * Deflates the next blocks, as many as are asked for at once. Several calls may be on their way. `takeOutput` is
   * asked for memory as in {@link PoolDeflateOptions}, once a thread has room for the blocks.
   *
   * @throws {DeflateError} `ERR_DEFLATE_READ`, `ERR_DEFLATE_WORKER`, `ERR_DEFLATE_CLOSED`
   */
  next(takeOutput?: () => Uint8Array): Promise<DeflatedBlocks>;
  /** What the plain bytes are; to be called when all turns have come. @throws {DeflateError} as `next` */
  end(): Promise<FileSums>;
  /**
   * The hash of what was made, in hexadecimal letters, with `after` behind the last block; to be called after
   * {@link end}, where `resultHash` was asked for. @throws {DeflateError} as `next`
   */
  seal(after: Uint8Array): Promise<string>;
  /** Resolves when the run has ended, or was given up, and no thread reads the file any more. Never rejects. */
  settled(): Promise<void>;
}

/** {@link DeflateFileOptions} with nothing left open. */
export interface ResolvedFileOptions extends DeflateFileOptions {
  readonly level: DeflateLevel;
  readonly blocksAtOnce: number;
  readonly algorithm: string;
}

/** The only place defaults are applied. */
export function resolveFileOptions(options: DeflateFileOptions): ResolvedFileOptions {
  assertArgument('options', options, anObject);
  assertArgument('readSync', options.readSync, aFunction);
  if (options.signal !== undefined) assertArgument('signal', options.signal, aSignal);
  const { fd, start, size, blockSize, blocksAtOnce = 2, algorithm = 'sha256' } = options;
  const { resultHash, readSync, signal } = options;
  const { level } = resolveDeflateOptions(options);
  if (!(Number.isInteger(blockSize) && blockSize >= windowSize && blockSize <= largestFileBlock)) {
    throw outOfRange('blockSize', `an integer from ${windowSize} to ${largestFileBlock}`, blockSize);
  }
  if (!(Number.isInteger(blocksAtOnce) && blocksAtOnce > 0)) {
    throw outOfRange('blocksAtOnce', 'a positive integer', blocksAtOnce);
  }
  for (const [name, value] of Object.entries({ fd, start, size })) {
    if (!(Number.isSafeInteger(value) && value >= 0)) {
      throw outOfRange(name, 'an integer from 0', value);
    }
  }
  assertHash('algorithm', algorithm);
  if (resultHash !== undefined) assertHash('resultHash.algorithm', resultHash.algorithm);
  return { fd, start, size, blockSize, blocksAtOnce, level, algorithm, resultHash, readSync, signal };
}

function assertHash(name: string, algorithm: string): void {
  try {
    createHash(algorithm);
  } catch {
    throw outOfRange(name, 'a hash of node:crypto', algorithm);
  }
}

type Thread = WorkerThread<WorkerAnswer>;
type Outcome =
  | { readonly deflated: Uint8Array; readonly sizes?: readonly number[] | undefined }
  | { readonly error: unknown };

/** Work that one thread does, whichever the pool chooses. */
export interface PoolJob {
  /** When the file of which it is a part was begun, or the piece: smaller numbers are older. */
  readonly order: number;
  /** The thread that it belongs on; undefined where any will do. */
  readonly preferred: () => Thread | undefined;
  /** Whether it waits for the thread that it belongs on, however many others are idle. */
  readonly isBound: boolean;
  /** What the chosen thread is asked, and where the result goes. */
  readonly askOf: (thread: Thread) => { readonly request: WorkerRequest; readonly output: Uint8Array | undefined };
  readonly settle: (outcome: Outcome) => void;
}

/** What a run needs of its pool. */
export interface BlockQueue {
  readonly add: (job: PoolJob) => void;
  readonly drop: (job: PoolJob) => boolean;
  /** Hears that a thread has answered what was no job: it may have room for one. */
  readonly onRoom: () => void;
}

let lastId = 0;

/** The next number of what is begun. */
export function nextId(): number {
  lastId += 1;
  return lastId;
}

/**
 * The thread that is given the first blocks hashes the whole file, so it is preferred for all; those that another
 * thread deflates are read and hashed there as well. Turns are handed out in their order, and a thread answers in
 * order: so are the blocks hashed.
 */
export class FileRun implements DeflateFileRun {
  readonly turns: number;
  readonly #id = nextId();
  readonly #options: ResolvedFileOptions;
  readonly #queue: BlockQueue;
  readonly #waiting = new Map<PoolJob, (error: unknown) => void>();
  readonly #onAbort = (): void => this.fail(this.#options.signal?.reason);
  #lead: Thread | undefined;
  #next = 0;
  /** Answers that are still to come. */
  #asked = 0;
  #failure: { readonly error: unknown } | undefined;
  #isSummed = false;
  #isOver = false;
  readonly #settled: Promise<void>;
  #settle: () => void = () => {};

  constructor(options: ResolvedFileOptions, queue: BlockQueue) {
    this.#options = options;
    this.#queue = queue;
    this.turns = Math.ceil(options.size / (options.blockSize * options.blocksAtOnce));
    this.#settled = new Promise((resolve) => {
      this.#settle = resolve;
    });
    const { signal } = options;
    if (signal?.aborted) this.#onAbort();
    else signal?.addEventListener('abort', this.#onAbort, { once: true });
  }

  /** The thread that hashes the file, once it is chosen. */
  get lead(): Thread | undefined {
    return this.#lead;
  }

  next(takeOutput?: () => Uint8Array): Promise<DeflatedBlocks> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure.error);
    const at = this.#next++;
    if (at >= this.turns) return Promise.reject(new RangeError(`Expected at most ${this.turns} calls, got one more`));
    return new Promise((resolve, reject) => {
      const job: PoolJob = {
        order: this.#id,
        preferred: () => this.#lead,
        isBound: this.#options.resultHash !== undefined,
        askOf: (thread) => {
          const output = takeOutput?.();
          return { request: { blocks: this.#requestFor(thread, at, output) }, output };
        },
        settle: (outcome) => {
          this.#waiting.delete(job);
          this.#answered();
          if ('deflated' in outcome) return resolve({ bytes: outcome.deflated, sizes: outcome.sizes ?? [] });
          this.fail(outcome.error);
          reject(outcome.error);
        },
      };
      this.#waiting.set(job, reject);
      this.#asked += 1;
      this.#queue.add(job);
    });
  }

  async end(): Promise<FileSums> {
    this.#assertGoing();
    if (this.#next < this.turns || this.#waiting.size > 0) {
      throw new Error(`Expected all ${this.turns} turns to have come before the end`);
    }
    const { algorithm } = this.#options;
    const nothing = { hash: createHash(algorithm).digest('hex'), checksum: 0 };
    const sums = this.#lead === undefined ? nothing : await this.#askLead({ sums: this.#id });
    this.#assertGoing();
    if (this.#options.resultHash === undefined) this.#leave();
    else this.#isSummed = true;
    return sums as FileSums;
  }

  async seal(after: Uint8Array): Promise<string> {
    this.#assertGoing();
    const { resultHash } = this.#options;
    if (resultHash === undefined || !this.#isSummed) throw new Error('Expected a `resultHash`, and the end before it');
    const { algorithm, before } = resultHash;
    const sums =
      this.#lead === undefined
        ? { hash: createHash(algorithm).update(before).update(after).digest('hex') }
        : await this.#askLead({ ends: { run: this.#id, after } });
    this.#assertGoing();
    this.#leave();
    return (sums as Pick<FileSums, 'hash'>).hash;
  }

  settled(): Promise<void> {
    return this.#settled;
  }

  [Symbol.dispose](): void {
    this.fail(closedRun());
  }

  /** No more is wanted. What threads have already, they finish, for nobody. */
  fail(error: unknown): void {
    if (this.#isOver) return;
    this.#failure = { error };
    for (const [job, reject] of this.#waiting) {
      if (this.#queue.drop(job)) this.#asked -= 1; // no thread has it
      reject(error);
    }
    this.#waiting.clear();
    // It forgets the run.
    if (this.#lead !== undefined) void this.#askLead({ ends: { run: this.#id, after: undefined } });
    this.#leave();
  }

  #assertGoing(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  #requestFor(thread: Thread, at: number, output: Uint8Array | undefined): BlocksRequest {
    const { fd, start, size, blockSize, blocksAtOnce, algorithm, resultHash, level } = this.#options;
    this.#lead ??= thread;
    const offset = at * blockSize * blocksAtOnce;
    const blocks: BlocksRequest = {
      fd,
      start,
      offset,
      size: Math.min(blockSize * blocksAtOnce, size - offset),
      blockSize,
      run: this.#id,
      algorithm,
      seal: resultHash,
      deflates: { level, output },
    };
    if (thread === this.#lead) return blocks;
    void this.#askLead({ blocks: { ...blocks, deflates: undefined } });
    return { ...blocks, algorithm: undefined };
  }

  /** Asks the thread that hashes; a failure ends the run. */
  async #askLead(request: WorkerRequest): Promise<WorkerAnswer['result']> {
    this.#asked += 1;
    try {
      const { result, failure } = await (this.#lead as Thread).ask(request);
      if (failure !== undefined) throw readError(failure);
      return result;
    } catch (error) {
      this.fail(error);
      return undefined;
    } finally {
      this.#answered();
      this.#queue.onRoom();
    }
  }

  #answered(): void {
    this.#asked -= 1;
    this.#settleWhenDone();
  }

  #leave(): void {
    this.#isOver = true;
    this.#options.signal?.removeEventListener('abort', this.#onAbort);
    this.#settleWhenDone();
  }

  #settleWhenDone(): void {
    if (this.#isOver && this.#asked === 0) this.#settle();
  }
}

/** What a thread says of a file that it could not read. */
export function readError({
  code,
  message,
}: {
  readonly code?: string | undefined;
  readonly message: string;
}): DeflateError {
  const cause = code === undefined ? undefined : Object.assign(new Error(message), { code });
  return new DeflateError('ERR_DEFLATE_READ', `A thread could not read the file: ${message}`, { cause });
}

function closedRun(): DeflateError {
  return new DeflateError('ERR_DEFLATE_CLOSED', 'The file was given up');
}
