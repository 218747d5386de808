import { constants, type Stats } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { assertArgument, aText } from '@slipway/arguments';
import { FileRefusedError } from './errors.ts';

/**
 * Opens a regular file for reading. Neither a pipe nor a device keeps a thread waiting, which no signal would end.
 *
 * @throws {FileRefusedError} `ERR_FILE_KIND` for anything else; what the operating system says passes through
 */
export async function openRegularFile(path: string): Promise<FileHandle> {
  assertArgument('path', path, aText);
  const { file, status } = await openAnything(path);
  if (status.isFile()) return file;
  await file.close();
  throw wrongKind(path, status);
}

/** An open file of any kind. */
export interface OpenedFile {
  readonly file: FileHandle;
  readonly status: Stats;
}

/** Opens whatever lies there, at once. */
export async function openAnything(path: string): Promise<OpenedFile> {
  // O_NONBLOCK: opening a pipe would wait for its other end, for good. It does nothing to regular files.
  const file = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
  try {
    return { file, status: await file.stat() };
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** The refusal of what is no file. */
export function wrongKind(path: string, status: Stats): FileRefusedError {
  const kind = status.isDirectory() ? 'folder' : status.isFIFO() ? 'pipe' : 'device';
  return new FileRefusedError('ERR_FILE_KIND', path, `it is a ${kind}, not a file`);
}
