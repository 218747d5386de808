import { FileLockError } from '@slipway/file-lock';

/** Everything that can be wrong with a record book. */
export type RecordBookErrorCode =
  /**
   * When: another process has held the book for too long. Retry: yes. Do: look for a stopped or hanging process that
   * uses the same folder.
   */
  | 'ERR_BOOK_LOCKED'
  /**
   * When: the folder cannot be made, read or written, or the book was closed. Retry: no. Do: check owner, permissions
   * and free space of the folder.
   */
  | 'ERR_BOOK_UNAVAILABLE';

/** The book could not do what was asked. */
export class RecordBookError extends Error {
  readonly code: RecordBookErrorCode;
  override name = 'RecordBookError';

  constructor(code: RecordBookErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** Says what could not be done, and why, of a failure of the file system or of the lock. */
export function bookFailure(error: Error, operation: string): RecordBookError {
  const isLocked = error instanceof FileLockError && error.code === 'ERR_LOCK_TIMEOUT';
  const code = isLocked ? 'ERR_BOOK_LOCKED' : 'ERR_BOOK_UNAVAILABLE';
  // That the lock could not be made is no news beside why: the disk is full, or read-only.
  const reason = error instanceof FileLockError && error.cause instanceof Error ? error.cause : error;
  return new RecordBookError(code, `${operation}: ${reason.message}`, { cause: error });
}
