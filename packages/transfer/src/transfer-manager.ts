/** What a running job may do. */
export interface TransferContext<Progress> {
  /** Aborts when the last watcher has left, or the manager is closed. Not derived from any caller's signal. */
  readonly signal: AbortSignal;
  /** Hands a progress record to every watcher. Never blocks. */
  report(progress: Progress): void;
  /** Gives the slot back early; the job goes on without one. */
  releaseSlot(): void;
}

export interface TransferRequest<Result, Progress> {
  /** Jobs of equal key are one job. */
  readonly key: string;
  /** Requests to one host may be capped. @default '' (no host) */
  readonly host?: string | undefined;
  /** Bytes expected, for weighing slots. @default unknown, taken as a large one */
  readonly size?: number | undefined;
  /** Runs once a slot is free. */
  run(context: TransferContext<Progress>): Promise<Result>;
}

/** One caller's interest in a transfer. */
export interface TransferWatch<Result> extends AsyncDisposable {
  /** Settles with the job. Rejects with the reason of the caller's signal, unwrapped, when that aborts first. */
  readonly result: Promise<Result>;
  /** Waits until what was reported has been delivered, then leaves. The last to leave cancels the job. Idempotent. */
  release(): Promise<void>;
}

export interface WatchOptions<Progress> {
  readonly signal?: AbortSignal | undefined;
  /** Told `waiting` once when the job is queued, then the newest record; a slow listener loses intermediate ones. */
  readonly onProgress?: ((progress: Progress) => void | Promise<void>) | undefined;
  readonly onWaiting?: (() => void) | undefined;
}

export interface TransferManager extends AsyncDisposable {
  /** Starts the job, or joins the one of the same key. */
  transfer<Result, Progress>(
    request: TransferRequest<Result, Progress>,
    options?: WatchOptions<Progress>,
  ): TransferWatch<Result>;
  /** Slots at once; changeable while jobs run, in force for later starts. 0 = unlimited. */
  concurrency: number;
}
