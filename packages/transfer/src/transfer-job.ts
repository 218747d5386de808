import { TransferError } from './errors.ts';
import type { Slots, SlotTicket } from './slots.ts';
import type { TransferContext, TransferRequest, WatchOptions } from './transfer-manager.ts';
import { type Watched, Watcher } from './watcher.ts';

/**
 * One run of one request, shared by all its watchers. Its cancellation is its own: it is cancelled when the last
 * watcher leaves, whoever of them asked first.
 */
export class TransferJob implements Watched {
  readonly outcome: Promise<unknown>;
  readonly done: Promise<void>;
  readonly #request: TransferRequest<unknown, unknown>;
  readonly #controller = new AbortController();
  readonly #watchers = new Set<Watcher>();
  #released!: () => void;
  readonly #whenReleased = new Promise<void>((resolve) => {
    this.#released = resolve;
  });
  #resolve!: (value: unknown) => void;
  #reject!: (reason: unknown) => void;
  /** `blocked` by a cancelled job of the same key, `queued` for a slot, `running`, `over`. */
  #state: 'blocked' | 'queued' | 'running' | 'over' = 'blocked';
  #ticket: SlotTicket | undefined;
  #last: { readonly record: unknown } | undefined;
  #isWatched = false;

  constructor(request: TransferRequest<unknown, unknown>) {
    this.#request = request;
    this.outcome = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.done = this.outcome.then(
      () => {},
      () => {},
    );
  }

  /** Neither cancelled nor over. */
  get canBeJoined(): boolean {
    return this.#state !== 'over' && !this.#isCancelled;
  }

  get #isCancelled(): boolean {
    return this.#controller.signal.aborted;
  }

  /** Adds a watcher, which starts with the current state of things. */
  watch(options: WatchOptions<unknown>): Watcher {
    const watcher = new Watcher(this, options, !this.#isWatched);
    this.#isWatched = true;
    this.#watchers.add(watcher);
    if (this.#state === 'blocked' || this.#state === 'queued') watcher.tellWaiting();
    if (this.#last) watcher.tell(this.#last.record);
    return watcher;
  }

  leave(watcher: Watcher): void {
    this.#watchers.delete(watcher);
    if (this.#watchers.size > 0) return;
    if (this.#state === 'over') this.#released();
    else this.cancel(new TransferError('ERR_TRANSFER_CANCELLED', 'transfer cancelled: nobody waits for it any more'));
  }

  /** A job that has not begun ends here and now; a running one ends when it has noticed. */
  cancel(reason: TransferError): void {
    if (this.#state === 'over' || this.#isCancelled) return;
    this.#controller.abort(reason);
    if (this.#state === 'queued') this.#end(() => this.#reject(reason));
  }

  /** Takes its place in the queue; a job cancelled before that ends instead. */
  enqueue(slots: Slots): void {
    if (this.#isCancelled) {
      this.#end(() => this.#reject(this.#controller.signal.reason));
      return;
    }
    this.#state = 'queued';
    this.#ticket = slots.request({
      host: this.#request.host ?? '',
      size: this.#request.size,
      start: () => void this.#run(),
    });
  }

  async #run(): Promise<void> {
    this.#state = 'running';
    try {
      // Yield first: the caller's code must not run inside `transfer`, and the job may have been cancelled meanwhile.
      await Promise.resolve();
      this.#controller.signal.throwIfAborted();
      const value = await this.#request.run(this.#context());
      this.#end(() => this.#resolve(value));
    } catch (error) {
      this.#end(() => this.#reject(error));
    }
  }

  #context(): TransferContext<unknown> {
    return {
      signal: this.#controller.signal,
      released: this.#whenReleased,
      report: (record) => this.#report(record),
      releaseSlot: () => this.#ticket?.giveBack(),
    };
  }

  #report(record: unknown): void {
    if (this.#state === 'over') return;
    this.#last = { record };
    for (const watcher of this.#watchers) watcher.tell(record);
  }

  #end(settle: () => void): void {
    this.#state = 'over';
    this.#ticket?.giveBack();
    settle();
    if (this.#watchers.size === 0) this.#released();
  }
}
