import { constants, readSync, type Stats } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { ArgumentRangeError, assertChunk, surviving } from '@slipway/arguments';
import type { Content, LentFile, OpenOptions } from '@slipway/digest';
import { fromSystemError, invalidSource, SourceError } from '../errors.ts';
import type { ReadHook } from '../options.ts';
import { ReadBuffers } from './read-buffers.ts';

/** An open regular file, read by position; several readers share it. */
export interface FileReader extends AsyncDisposable {
  /** What messages call it. */
  readonly name: string;
  readonly size: number;
  /** Last modification as it was when the file was opened. */
  readonly mtimeMs: number;
  /** Exactly `length` bytes at `position`, in memory of their own. */
  read(position: number, length: number): Promise<Buffer>;
  /** Part of the file as content that can be opened again and again while the reader lives. */
  slice(start: number, size: number, label: string): Content;
}

/** Content above this is read a MiB at a time, and one read ahead of whoever takes it. */
const largeFrom = 8 * 1024 * 1024;

/**
 * Bytes of one read of content; of large content two are in memory per stream. bench/read-content.bench.ts, two busy
 * cores, warm cache: 64 KiB 1.1 GiB/s, 256 KiB 3.5, 512 KiB 6.5, 1 MiB 6.7. Each chunk passes a dozen turns of the
 * event loop on its way into a socket, whatever its size: for a layout of 330 MB, chunks of 256 KiB cost twice the CPU
 * time of those of 512, and these a sixth more than those of a MiB. Of small content, thirty are read at once: they
 * make do with less, and with one buffer each. Memory that the process has not touched before costs more than waiting
 * for a read.
 */
const chunkSizeOf = (size: number): number => (size > largeFrom ? 1024 * 1024 : 256 * 1024);
/** Smaller content gets buffers of its own size. */
const worthABuffer = 64 * 1024;

/**
 * Worker threads know an open file by the same number: everywhere but in Deno, which counts each thread's by itself.
 */
export const sharesFiles: boolean = process.versions['deno'] === undefined;

export interface FileReaderOptions {
  readonly onRead?: ReadHook | undefined;
  /** Closes the handle and whatever belongs to it. @default closes the handle */
  readonly close?: (() => Promise<void>) | undefined;
}

/** Opens a regular file. @throws {SourceError} when it is missing, not readable, or no regular file. */
export async function openFileReader(path: string, onRead?: ReadHook): Promise<FileReader> {
  // O_NONBLOCK: opening a FIFO would wait for a writer, perhaps for ever. It does nothing to regular files.
  const handle = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0)).catch((cause) => {
    throw fromSystemError(cause, path);
  });
  try {
    return await fileReaderOf(handle, path, { onRead });
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/** Reads from a handle that is already open, and owns it from now on. */
export async function fileReaderOf(
  handle: FileHandle,
  name: string,
  { onRead, close = () => handle.close() }: FileReaderOptions = {},
): Promise<FileReader> {
  const stat = await handle.stat();
  if (!stat.isFile()) throw notRegular(name, stat.isDirectory());
  return new OpenFile(handle, name, stat, onRead, close);
}

/** The refusal of a FIFO, a device, a socket or a folder where a file is wanted. */
export function notRegular(path: string, isFolder: boolean): SourceError {
  const message =
    `Cannot read ${JSON.stringify(path)}: it is ` +
    `${isFolder ? 'a folder' : 'a pipe, a socket or a device'}, not a file`;
  return new SourceError('ERR_SOURCE_UNSUPPORTED', message, {
    hint: isFolder ? undefined : 'To read from a pipe, give "-" as the source and redirect the pipe to standard input',
  });
}

class OpenFile implements FileReader {
  readonly name: string;
  readonly size: number;
  readonly mtimeMs: number;
  readonly #handle: FileHandle;
  readonly #onRead: ReadHook | undefined;
  readonly #close: () => Promise<void>;
  #closing: Promise<void> | undefined;
  /** To how many the file is lent. */
  #lent = 0;
  #onReturned: () => void = () => {};

  constructor(
    handle: FileHandle,
    name: string,
    { size, mtimeMs }: Stats,
    onRead: ReadHook | undefined,
    close: () => Promise<void>,
  ) {
    this.#handle = handle;
    this.name = name;
    this.size = size;
    this.mtimeMs = mtimeMs;
    this.#onRead = surviving('onRead', onRead);
    this.#close = close;
  }

  async read(position: number, length: number): Promise<Buffer> {
    const buffer = Buffer.allocUnsafeSlow(length);
    await this.#fill(buffer, position);
    return buffer;
  }

  slice(start: number, size: number, label: string): Content {
    if (start < 0 || size < 0 || start + size > this.size) {
      throw new Error(`unreachable: ${label} reaches beyond ${this.name}`);
    }
    return {
      size,
      open: (options) => this.#stream(start, size, label, options),
      lend: sharesFiles ? async () => this.#lend(start, label) : undefined,
    };
  }

  #lend(start: number, label: string): LentFile {
    this.#assertOpen();
    this.#lent += 1;
    let isLent = true;
    return {
      fd: this.#handle.fd,
      start,
      readSync,
      assertUnchanged: () => this.#assertUnchanged().catch((error) => Promise.reject(changedWhile(error, label))),
      onRead: (offset, length) => this.#onRead?.({ position: start + offset, length }),
      readFailure: (cause) =>
        cause === undefined
          ? (changedWhile(this.#changed('it became shorter'), label) as Error)
          : (fromSystemError(cause, this.name) as Error),
      [Symbol.dispose]: () => {
        if (!isLent) return;
        isLent = false;
        this.#lent -= 1;
        if (this.#lent === 0) this.#onReturned();
      },
    };
  }

  async *#stream(start: number, size: number, label: string, options: OpenOptions = {}): AsyncGenerator<Uint8Array> {
    const { signal, from = 0, wanted = size, reuse = false } = options;
    assertOffset(from, size);
    signal?.throwIfAborted();
    const end = start + size;
    const most = chunkSizeOf(size);
    let position = start + from;
    const wantedEnd = Math.min(position + wanted, end);
    const read = (): Promise<Buffer> => {
      const stop = position < wantedEnd ? wantedEnd : end;
      return this.#readAhead(position, buffers.next(Math.min(most, stop - position)));
    };
    // One buffer at most is read ahead of the consumer: the peak is two buffers whatever the size.
    const readsAhead = size > largeFrom;
    using buffers = new ReadBuffers(most, { isReused: reuse && size > worthABuffer, count: readsAhead ? 2 : 1 });
    let ahead: Promise<Buffer> | undefined;
    try {
      await this.#assertUnchanged();
      while (position < end) {
        const chunk = await (ahead ?? read());
        ahead = undefined;
        signal?.throwIfAborted();
        position += chunk.byteLength;
        if (readsAhead && position < wantedEnd) ahead = read();
        // Before the last bytes: a caller that has them all may trust them.
        if (position === end) await this.#assertUnchanged();
        yield chunk;
        signal?.throwIfAborted();
      }
    } catch (error) {
      throw changedWhile(error, label);
    } finally {
      await ahead?.catch(() => {}); // whoever left the loop early does not care how the next read ends
    }
  }

  #readAhead(position: number, into: Buffer): Promise<Buffer> {
    const reading = this.#fill(into, position).then(() => into);
    reading.catch(() => {}); // heard of when it is awaited, which may be much later
    return reading;
  }

  async #fill(buffer: Buffer, position: number): Promise<void> {
    this.#assertOpen();
    this.#onRead?.({ position, length: buffer.byteLength });
    let filled = 0;
    while (filled < buffer.byteLength) {
      const { bytesRead } = await this.#handle
        .read(buffer, filled, buffer.byteLength - filled, position + filled)
        .catch((cause) => {
          this.#assertOpen();
          throw fromSystemError(cause, this.name);
        });
      if (bytesRead === 0) throw this.#changed('it became shorter');
      filled += bytesRead;
    }
  }

  async #assertUnchanged(): Promise<void> {
    this.#assertOpen();
    const { size, mtimeMs } = await this.#handle.stat();
    if (size !== this.size) throw this.#changed(`its size went from ${this.size} to ${size} bytes`);
    if (mtimeMs !== this.mtimeMs) throw this.#changed('it was written to');
  }

  #assertOpen(): void {
    if (!this.#closing) return;
    throw new SourceError('ERR_SOURCE_CONSUMED', `Cannot read ${JSON.stringify(this.name)}: the source was disposed`);
  }

  #changed(how: string): SourceError {
    return new SourceError('ERR_SOURCE_CHANGED', `${JSON.stringify(this.name)} changed after it was opened: ${how}`, {
      hint: 'Wait until nothing writes to it any more, then try again',
    });
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closing ??= this.#returned()
      .then(this.#close)
      .catch(() => {}); // nothing was written: there is nothing to lose
    return this.#closing;
  }

  /** Resolves when no thread reads the file any more: another one might get its number. */
  async #returned(): Promise<void> {
    if (this.#lent === 0) return;
    await new Promise<void>((resolve) => {
      this.#onReturned = resolve;
    });
  }
}

/** A change of the file, told of what was read of it. */
function changedWhile(error: unknown, label: string): unknown {
  return error instanceof SourceError && error.code === 'ERR_SOURCE_CHANGED'
    ? new SourceError(error.code, `${error.message}, while ${label} was read`, { cause: error, hint: error.hint })
    : error;
}

/** Refuses an offset that lies outside content of `size` bytes; its end is a legal place to start. */
export function assertOffset(from: number, size: number): void {
  if (Number.isSafeInteger(from) && from >= 0 && from <= size) return;
  throw new ArgumentRangeError('from', `Expected \`from\` to be an offset between 0 and ${size}, got ${from}`);
}

/**
 * All bytes of small content, which may come from a registry: no more of them are taken than it was said to have.
 *
 * @throws {SourceError} `ERR_SOURCE_INVALID` above `limit`, and when there are more bytes or fewer
 */
export async function readAll(
  content: Content,
  limit: number,
  label: string,
  options?: OpenOptions,
): Promise<Uint8Array> {
  if (content.size > limit) {
    throw invalidSource(`${label} is refused: it has ${content.size} bytes, more than the limit of ${limit}`);
  }
  const bytes = new Uint8Array(content.size);
  let filled = 0;
  for await (const chunk of content.open(options)) {
    assertChunk(chunk);
    if (filled + chunk.byteLength > content.size) {
      throw invalidSource(`${label} is corrupt: it has more than the ${content.size} bytes it was said to have`);
    }
    bytes.set(chunk, filled);
    filled += chunk.byteLength;
  }
  if (filled < content.size) {
    throw invalidSource(`${label} is corrupt: it has ${filled} bytes, and was said to have ${content.size}`);
  }
  return bytes;
}
