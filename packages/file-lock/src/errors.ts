/** Everything that can go wrong with a lock. */
export type FileLockErrorCode =
  /**
   * When: others have held the lock for longer than the caller waits. Retry: yes. Do: look for a stopped or hanging
   * process; the message names it.
   */
  | 'ERR_LOCK_TIMEOUT'
  /**
   * When: this process did not renew its lock in time, because it was stopped or blocked, and another process has taken
   * it. Retry: yes. Do: start the work anew.
   */
  | 'ERR_LOCK_LOST'
  /**
   * When: the lock cannot be made or read: folder missing, read-only, full, or something else lies in its place. Retry:
   * no. Do: check the folder that the message names.
   */
  | 'ERR_LOCK_UNAVAILABLE';

/** A lock could not be had, or not be kept. */
export class FileLockError extends Error {
  readonly code: FileLockErrorCode;
  override name = 'FileLockError';

  constructor(code: FileLockErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
