import type { AbortOptions } from '@slipway/digest';

/** Locks that several daemons respect. */
export interface SharedLocks {
  /**
   * Waits until no other daemon holds the lock of that name, or until that has taken too long; what is returned gives
   * it back. Rejects with the signal's reason while it waits.
   *
   * @param options.onWaiting called once, when it is not free at once
   */
  take(name: string, options: TakeOptions): Promise<AsyncDisposable>;
}

export interface TakeOptions extends AbortOptions {
  readonly onWaiting?: (() => void) | undefined;
}
