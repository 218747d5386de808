import { FileLockError } from '@slipway/file-lock';
import { MetadataStoreError } from './errors.ts';

/** Says what could not be done, and why, of a failure of the file system or of the lock. */
export function storeFailure(error: Error, operation: string): MetadataStoreError {
  const isLocked = error instanceof FileLockError && error.code === 'ERR_LOCK_TIMEOUT';
  const code = isLocked ? 'ERR_STORE_LOCKED' : 'ERR_STORE_UNAVAILABLE';
  // That the lock could not be made is no news beside why: the disk is full, or read-only.
  const reason = error instanceof FileLockError && error.cause instanceof Error ? error.cause : error;
  return new MetadataStoreError(code, `${operation}: ${reason.message}`, { cause: error });
}
