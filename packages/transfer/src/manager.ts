import { aCount, aFunction, aSignal, aString, assertOptions, aText, either } from '@slipway/arguments';
import { TransferError } from './errors.ts';
import { resolveTransferManagerOptions, type TransferManagerOptions } from './options.ts';
import { Slots } from './slots.ts';
import { TransferJob } from './transfer-job.ts';
import type { TransferManager, TransferRequest, TransferWatch, WatchOptions } from './transfer-manager.ts';

/**
 * Makes a manager. Whoever asks for the same key shares one job: share a manager among all pushes of a process.
 *
 * @throws {RangeError} when an option is not a whole number from 0 up
 * @example
 * ```ts
 * await using manager = createTransferManager({ concurrency: 3 });
 * await using watch = manager.transfer({ key: 'layer 1', run: async ({ signal }) => upload(signal) });
 * const uploaded = await watch.result;
 * ```
 */
export function createTransferManager(options: TransferManagerOptions = {}): TransferManager {
  return new Manager(new Slots(resolveTransferManagerOptions(options)));
}

class Manager implements TransferManager {
  readonly #slots: Slots;
  /** The newest job of each key; an older, cancelled one may still be coming to its end. */
  readonly #newest = new Map<string, TransferJob>();
  readonly #running = new Set<TransferJob>();
  #closed = false;

  constructor(slots: Slots) {
    this.#slots = slots;
  }

  get concurrency(): number {
    return this.#slots.concurrency;
  }

  set concurrency(value: number) {
    this.#slots.concurrency = value;
  }

  limitHost(host: string, limit: number | undefined): void {
    this.#slots.limitHost(host, limit);
  }

  transfer<Result, Progress>(
    request: TransferRequest<Result, Progress>,
    options: WatchOptions<Progress> = {},
  ): TransferWatch<Result> {
    assertOptions<TransferRequest<unknown, unknown>>('request', request as TransferRequest<unknown, unknown>, {
      required: { key: aText, run: aFunction },
      optional: { host: aString, size: either(aCount, aFunction) },
    });
    assertOptions('options', options, {
      optional: { signal: aSignal, onProgress: aFunction, onWaiting: aFunction },
    });
    if (options.signal?.aborted) return refused(options.signal.reason);
    if (this.#closed) {
      return refused(
        new TransferError(
          'ERR_TRANSFER_CLOSED',
          `cannot start ${JSON.stringify(request.key)}: the transfer manager is closed`,
        ),
      );
    }
    // Equal keys mean equal types: that is what a key is.
    const job = this.#jobFor(request as TransferRequest<unknown, unknown>);
    return job.watch(options as WatchOptions<unknown>) as TransferWatch<unknown> as TransferWatch<Result>;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    const jobs = [...this.#running];
    for (const job of jobs) {
      job.cancel(new TransferError('ERR_TRANSFER_CLOSED', 'transfer cancelled: the transfer manager was closed'));
    }
    await Promise.all(jobs.map((job) => job.done));
  }

  #jobFor(request: TransferRequest<unknown, unknown>): TransferJob {
    const current = this.#newest.get(request.key);
    if (current?.canBeJoined) return current;
    const job = new TransferJob(request);
    this.#newest.set(request.key, job);
    this.#running.add(job);
    void job.done.then(() => this.#untrack(request.key, job));
    // Two runs of one key never overlap: the cancelled one first comes to its end.
    if (current) void current.done.then(() => job.enqueue(this.#slots));
    else job.enqueue(this.#slots);
    return job;
  }

  #untrack(key: string, job: TransferJob): void {
    this.#running.delete(job);
    if (this.#newest.get(key) === job) this.#newest.delete(key);
  }
}

/** A watch on nothing, for what was never started. */
function refused<Result>(reason: unknown): TransferWatch<Result> {
  const result = Promise.reject<Result>(reason);
  result.catch(() => {});
  const release = (): Promise<void> => Promise.resolve();
  return { isOwner: false, result, done: Promise.resolve(), release, [Symbol.asyncDispose]: release };
}
