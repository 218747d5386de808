/** Why a transfer did not come to its own end. */
export type TransferErrorCode =
  /**
   * When: the transfer manager was disposed before or while the transfer ran. Retry: no. Do: keep the manager open
   * until its transfers have ended.
   */
  | 'ERR_TRANSFER_CLOSED'
  /**
   * When: the last one who waited for the transfer left. Retry: yes. Do: nothing; ask for the transfer again when it is
   * wanted again.
   */
  | 'ERR_TRANSFER_CANCELLED'
  /**
   * When: every attempt failed, or the server asked for a longer wait than is allowed. Retry: later. Do: look at
   * `cause`, the failure of the last attempt.
   */
  | 'ERR_RETRIES_EXHAUSTED';

/** A transfer that was given up; match on `code`. */
export class TransferError extends Error {
  readonly code: TransferErrorCode;
  override name = 'TransferError';
  /** Attempts made, for `ERR_RETRIES_EXHAUSTED`. */
  readonly attempts: number | undefined;

  constructor(
    code: TransferErrorCode,
    message: string,
    options: { readonly cause?: unknown; readonly attempts?: number | undefined } = {},
  ) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined);
    this.code = code;
    this.attempts = options.attempts;
  }
}

/**
 * Marks a failure that no further attempt can mend; `retrying` stops and rejects with the marked error itself.
 * Only the outermost error is looked at: one that merely has a `DoNotRetry` somewhere among its causes is retried.
 */
export class DoNotRetry extends Error {
  override name = 'DoNotRetry';
  /** The failure itself. */
  override readonly cause: Error;

  constructor(cause: Error) {
    super(cause.message, { cause });
    this.cause = cause;
  }
}
