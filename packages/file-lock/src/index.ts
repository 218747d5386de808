/**
 * Locks for work that one process at a time does in a folder. They are renewed while they are held, and those that a
 * dead process left behind are recognised.
 *
 * @packageDocumentation
 */
export { FileLockError, type FileLockErrorCode } from './errors.ts';
export { acquireFileLock, type FileLock, type FileLockOptions, withFileLock } from './file-lock.ts';
export { makeFolder } from './make-folder.ts';
export { meansAbsent, renameOver } from './rename-over.ts';
