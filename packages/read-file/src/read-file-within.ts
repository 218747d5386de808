import { type FileHandle, realpath, stat } from 'node:fs/promises';
import { setTimeout } from 'node:timers/promises';
import { aBoolean, aCount, aSignal, assertArgument, assertOptions, aText } from '@slipway/arguments';
import { FileRefusedError } from './errors.ts';
import { openAnything, wrongKind } from './open-regular-file.ts';

/** How a file is read. */
export interface ReadFileOptions {
  /** Bytes that it may have. Of what has more, no more than these are read. */
  readonly maxBytes: number;
  /** Somebody named this very file, and so may have named a pipe (`<(…)`): its writer is waited for. @default false */
  readonly mayBePipe?: boolean | undefined;
  /** Milliseconds that a pipe with a name of its own may have nobody who writes. @default as long as it takes */
  readonly writerWaitMs?: number | undefined;
  /** Ends the wait for a pipe. @default nothing does */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Reads a whole file. A device is read as far as it goes at once, so that `/dev/null` is an empty file.
 *
 * @throws {FileRefusedError} `ERR_FILE_KIND` for a pipe that nobody named, or that nobody writes into for too long, and
 * for a device that keeps its reader waiting; `ERR_FILE_TOO_LARGE`. What the operating system says passes through:
 * `EISDIR` for a folder.
 */
export async function readFileWithin(path: string, options: ReadFileOptions): Promise<Uint8Array> {
  return await readBuffer(path, options);
}

/**
 * Reads a whole file of text in UTF-8, as {@link readFileWithin} does, without the byte order mark that editors of
 * Windows put first.
 */
export async function readTextWithin(path: string, options: ReadFileOptions): Promise<string> {
  return (await readBuffer(path, options)).toString('utf8').replace(/^\uFEFF/, '');
}

async function readBuffer(path: string, options: ReadFileOptions): Promise<Buffer> {
  assertArgument('path', path, aText);
  assertOptions('options', options, {
    required: { maxBytes: aCount },
    optional: { mayBePipe: aBoolean, writerWaitMs: aCount, signal: aSignal },
  });
  const { maxBytes, mayBePipe = false, writerWaitMs = Number.POSITIVE_INFINITY, signal } = options;
  signal?.throwIfAborted();
  const { file, status } = await openAnything(path);
  try {
    const isPipe = status.isFIFO();
    if (isPipe && !mayBePipe) throw wrongKind(path, status);
    if (status.isFile() && status.size > maxBytes) throw tooLarge(path, maxBytes);
    const pieces: Buffer[] = [];
    let length = 0;
    let waitedMs = 0;
    for (;;) {
      signal?.throwIfAborted();
      const room = Buffer.allocUnsafe(Math.min(Math.max(status.size + 1, leastPiece), mostPiece));
      const bytesRead = await readPiece(file, room);
      if (bytesRead === 'nothing yet' && !isPipe) throw wrongKind(path, status);
      const isBegun = length > 0 || !isPipe;
      const hasNoWriter = bytesRead === 0 && !isBegun && (await isNamed(path));
      if (hasNoWriter && waitedMs >= writerWaitMs) throw unwritten(path);
      if (bytesRead === 'nothing yet' || hasNoWriter) {
        if (hasNoWriter) waitedMs += pollMs;
        await setTimeout(pollMs, undefined, { signal }).catch((error: unknown) => {
          signal?.throwIfAborted();
          throw error;
        });
        continue;
      }
      if (bytesRead === 0) return Buffer.concat(pieces, length);
      pieces.push(room.subarray(0, bytesRead));
      length += bytesRead;
      if (length > maxBytes) throw tooLarge(path, maxBytes);
    }
  } finally {
    await file.close();
  }
}

const leastPiece = 4_096;
const mostPiece = 1_048_576;

/** How often a pipe is looked at. No runtime but Node can be told by the system when there is something in it. */
const pollMs = 20;

async function readPiece(file: FileHandle, into: Buffer): Promise<number | 'nothing yet'> {
  try {
    return (await file.read(into, 0, into.byteLength, null)).bytesRead;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EAGAIN') return 'nothing yet';
    throw error;
  }
}

/** A pipe with a name of its own may still be waiting for its writer; one of `<(…)` has had one from the beginning. */
async function isNamed(path: string): Promise<boolean> {
  try {
    return (await stat(await realpath(path))).isFIFO();
  } catch {
    return false;
  }
}

function unwritten(path: string): FileRefusedError {
  return new FileRefusedError('ERR_FILE_KIND', path, 'it is a pipe that nobody writes into');
}

function tooLarge(path: string, maxBytes: number): FileRefusedError {
  return new FileRefusedError('ERR_FILE_TOO_LARGE', path, `it has more than the ${maxBytes} bytes allowed`);
}
