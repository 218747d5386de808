import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import type { Content, OpenOptions } from '@slipway/digest';
import { fromSystemError, SourceError } from '../errors.ts';
import { assertOffset } from '../files/file-reader.ts';

/** What tells that a file is still the one that was looked at. */
export interface FileState {
  readonly size: bigint;
  readonly mtimeNs: bigint;
  readonly ino: bigint;
  /** A new file may get the number of one that was deleted; 0 where the file system does not keep it. */
  readonly birthtimeNs: bigint;
}

const chunkSize = 256 * 1024;

/**
 * The content of a file that is opened again for each reading: a layer may have more files than a process may keep
 * open. One that is another than when it was looked at ends the reading.
 */
export function diskFile(path: string | Buffer, shown: string, state: FileState): Content {
  const size = Number(state.size);
  return { size, open: (options) => read(path, shown, state, options) };
}

async function* read(
  path: string | Buffer,
  shown: string,
  state: FileState,
  { from = 0, signal }: OpenOptions = {},
): AsyncGenerator<Uint8Array, void, void> {
  const size = Number(state.size);
  assertOffset(from, size);
  signal?.throwIfAborted();
  // Not followed: it was a file, and a link in its place may lead anywhere. O_NONBLOCK: opening a FIFO would wait.
  const flags = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);
  const handle = await open(path, flags).catch((cause: NodeJS.ErrnoException) => {
    const isGone = cause.code === 'ENOENT' || cause.code === 'ENOTDIR' || cause.code === 'ELOOP';
    throw isGone ? changed(shown, 'it is not there any more', cause) : fromSystemError(cause, shown);
  });
  try {
    await assertSame(handle, shown, state);
    for (let position = from; position < size; ) {
      const buffer = Buffer.allocUnsafeSlow(Math.min(chunkSize, size - position));
      const { bytesRead } = await handle.read(buffer, 0, buffer.byteLength, position).catch((cause) => {
        throw fromSystemError(cause, shown);
      });
      signal?.throwIfAborted();
      if (bytesRead === 0) throw changed(shown, 'it became shorter');
      position += bytesRead;
      // before the last bytes: who has them all may trust them
      if (position >= size) await assertSame(handle, shown, state);
      yield buffer.subarray(0, bytesRead);
    }
  } finally {
    await handle.close();
  }
}

async function assertSame(handle: FileHandle, shown: string, state: FileState): Promise<void> {
  const now = await handle.stat({ bigint: true });
  const isAnother = now.ino !== state.ino || now.birthtimeNs !== state.birthtimeNs;
  if (!now.isFile() || isAnother) throw changed(shown, 'another file is in its place');
  if (now.size !== state.size) throw changed(shown, `its size went from ${state.size} to ${now.size} bytes`);
  if (now.mtimeNs !== state.mtimeNs) throw changed(shown, 'it was written to');
}

function changed(shown: string, how: string, cause?: unknown): SourceError {
  return new SourceError('ERR_SOURCE_CHANGED', `${JSON.stringify(shown)} changed while it was read: ${how}`, {
    cause,
    hint: 'Wait until nothing writes to it any more, then try again',
  });
}
