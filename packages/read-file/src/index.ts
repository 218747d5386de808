/**
 * Reads files that users name, or that lie where somebody else can put something: as many bytes as were allowed, and
 * without a thread that waits for a pipe.
 *
 * @packageDocumentation
 */
export { FileRefusedError, type FileRefusedErrorCode } from './errors.ts';
export { openRegularFile } from './open-regular-file.ts';
export { type ReadFileOptions, readFileWithin, readTextWithin } from './read-file-within.ts';
