/** What a running job may do. */
export interface TransferContext<Progress> {
  /** Aborts when the last watcher has left, or the manager is closed. Not derived from any caller's signal. */
  readonly signal: AbortSignal;
  /**
   * Settles once the job has ended and the last watcher has left: the moment to let go of what the result refers to.
   */
  readonly released: Promise<void>;
  /** Hands a progress record to every watcher. Never blocks. */
  report(progress: Progress): void;
  /** Gives the slot back early; the job goes on without one. */
  releaseSlot(): void;
}

/** One piece of work and what the manager must know to schedule it. */
export interface TransferRequest<Result, Progress> {
  /** Jobs of equal key are one job. */
  readonly key: string;
  /** Requests to one host may be capped. @default '' (no host) */
  readonly host?: string | undefined;
  /**
   * Bytes expected, for choosing between the slots of small and of large transfers. A function is asked whenever the
   * job might begin, for what is made meanwhile and becomes smaller; where it throws, or answers no count of bytes, the
   * size is unknown.
   * @default unknown, taken as a large one
   */
  readonly size?: number | (() => number | undefined) | undefined;
  /** Runs once a slot is free; never, when the last watcher left before that. */
  run(context: TransferContext<Progress>): Promise<Result>;
}

/** One caller's interest in a transfer. */
export interface TransferWatch<Result> extends AsyncDisposable {
  /** Whether this caller's `run` is the one that runs; false for a caller that joined a job of the same key. */
  readonly isOwner: boolean;
  /**
   * Settles with the job, after what the job reported has been delivered here. Rejects with the reason of the caller's
   * signal, unwrapped, when that aborts first; with what `onProgress` threw, when it throws. Need not be awaited.
   */
  readonly result: Promise<Result>;
  /** Settles when the job has really ended, which after a cancellation is later than `result`. Never rejects. */
  readonly done: Promise<void>;
  /** Waits until what was reported has been delivered, then leaves. The last to leave cancels the job. Idempotent. */
  release(): Promise<void>;
}

/** How one caller follows a transfer. */
export interface WatchOptions<Progress> {
  readonly signal?: AbortSignal | undefined;
  /** Told the newest record, the current one first when it joins late; a slow listener loses intermediate ones. */
  readonly onProgress?: ((progress: Progress) => void | Promise<void>) | undefined;
  /** Told once, before any record, when the job has to wait for its slot or for a cancelled job of the same key. */
  readonly onWaiting?: (() => void) | undefined;
}

/** What a user of a {@link TransferManager} needs of it. */
export interface Transfers {
  /**
   * Starts the job, or joins the one of the same key. Throws for wrong arguments alone, before anything is
   * queued: what goes wrong later is told by `result` (`ERR_TRANSFER_CLOSED` once the manager is disposed).
   */
  transfer<Result, Progress>(
    request: TransferRequest<Result, Progress>,
    options?: WatchOptions<Progress>,
  ): TransferWatch<Result>;
}

/**
 * Runs jobs in a limited number of slots and shares each among all who ask for it. Disposing cancels all and waits for
 * them.
 */
export interface TransferManager extends Transfers, AsyncDisposable {
  /**
   * Slots at once; changeable while jobs run, in force for later starts. 0 = unlimited.
   * @throws {RangeError} when it is not a whole number from 0 up
   */
  concurrency: number;
  /**
   * Slots of one host, below what `concurrency` allows; `undefined` lifts the limit. As many small transfers as have a
   * slot's worth count as one large one; at 1 there is one transfer at a time, of either class. In force for later
   * starts. @throws {RangeError} when it is not a whole number from 0 up
   */
  limitHost(host: string, limit: number | undefined): void;
}
