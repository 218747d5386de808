import type { TransferWatch, WatchOptions } from './transfer-manager.ts';

/** What a watcher needs of the job it follows. */
export interface Watched {
  /** Settles with the job's outcome. */
  readonly outcome: Promise<unknown>;
  /** Resolves when the job has really ended. */
  readonly done: Promise<void>;
  leave(watcher: Watcher): void;
}

/**
 * One caller's interest in a job: a mailbox that holds the newest record only, so that a slow listener delays nobody
 * and gets no backlog.
 */
export class Watcher implements TransferWatch<unknown> {
  readonly isOwner: boolean;
  readonly result: Promise<unknown>;
  readonly done: Promise<void>;
  readonly #job: Watched;
  readonly #options: WatchOptions<unknown>;
  #isWaitingPending = false;
  #pending: { readonly record: unknown } | undefined;
  #delivery: Promise<void> | undefined;
  #hasLeft = false;
  #markLeft!: () => void;
  readonly #left = new Promise<void>((resolve) => {
    this.#markLeft = resolve;
  });
  #released: Promise<void> | undefined;
  #reject!: (reason: unknown) => void;

  constructor(job: Watched, options: WatchOptions<unknown>, isOwner: boolean) {
    this.isOwner = isOwner;
    this.#job = job;
    this.#options = options;
    this.done = job.done;
    this.result = new Promise((resolve, reject) => {
      this.#reject = reject;
      job.outcome.then(
        (value) => this.#settle(() => resolve(value)),
        (error: unknown) => this.#settle(() => reject(error)),
      );
    });
    // Who releases without looking at the result has said that it does not matter.
    this.result.catch(() => {});
    options.signal?.addEventListener('abort', this.#onAbort, { once: true });
  }

  /** Tells the listener that the job has to wait. */
  tellWaiting(): void {
    if (this.#hasLeft || !this.#options.onWaiting) return;
    this.#isWaitingPending = true;
    this.#delivery ??= this.#deliver();
  }

  /** Replaces what has not been delivered yet. Never blocks, never throws. */
  tell(record: unknown): void {
    if (this.#hasLeft || !this.#options.onProgress) return;
    this.#pending = { record };
    this.#delivery ??= this.#deliver();
  }

  release(): Promise<void> {
    this.#released ??= this.#flushAndLeave();
    return this.#released;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.release();
  }

  async #flushAndLeave(): Promise<void> {
    await this.#delivered();
    this.#leave();
  }

  /** The job has ended: what it reported comes before its outcome. */
  async #settle(settle: () => void): Promise<void> {
    await this.#delivered();
    this.#options.signal?.removeEventListener('abort', this.#onAbort);
    settle();
  }

  /** Waits for the listener, unless its caller has left: a listener that hangs delays nobody else. */
  async #delivered(): Promise<void> {
    while (this.#delivery && !this.#hasLeft) await Promise.race([this.#delivery, this.#left]);
  }

  async #deliver(): Promise<void> {
    try {
      // Listeners are never called from inside `transfer` or `report`.
      await Promise.resolve();
      while (!this.#hasLeft) {
        if (this.#isWaitingPending) {
          this.#isWaitingPending = false;
          await this.#options.onWaiting?.();
        } else if (this.#pending) {
          const { record } = this.#pending;
          this.#pending = undefined;
          await this.#options.onProgress?.(record);
        } else {
          return;
        }
      }
    } catch (error) {
      this.#giveUp(error);
    } finally {
      this.#delivery = undefined;
    }
  }

  readonly #onAbort = (): void => this.#giveUp(this.#options.signal?.reason);

  #giveUp(reason: unknown): void {
    this.#reject(reason);
    this.#leave();
  }

  #leave(): void {
    if (this.#hasLeft) return;
    this.#hasLeft = true;
    this.#markLeft();
    this.#options.signal?.removeEventListener('abort', this.#onAbort);
    this.#job.leave(this);
  }
}
