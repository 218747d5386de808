import { randomUUID } from 'node:crypto';
import { rmSync } from 'node:fs';
import { type FileHandle, open, rm, statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { surviving } from '@slipway/arguments';
import { type AbortOptions, type ByteStream, decompress } from '@slipway/digest';
import { invalidSource, SourceError } from '../errors.ts';
import type { ReadHook, ResolvedSourceLimits } from '../options.ts';
import { type FileReader, fileReaderOf } from './file-reader.ts';
import { magicLength, recogniseCompression } from './stored-content.ts';

export interface SpoolOptions extends AbortOptions {
  /** What messages call the source. */
  readonly name: string;
  /** @default the system's temporary folder */
  readonly spoolFolder?: string | undefined;
  readonly onSpool?: ((spool: { readonly name: string; readonly path: string }) => void) | undefined;
  readonly onRead?: ReadHook | undefined;
  readonly limits: Pick<ResolvedSourceLimits, 'maxSpoolBytes' | 'maxSpoolRatio'>;
}

/** So much may come out of any archive: the ratio says nothing about a small one. */
const ratioFromBytes = 4 * 1024 ** 3;

/**
 * Writes a stream, decompressed, to a temporary file that only this process can find, and opens that. Memory stays
 * bounded: a chunk is asked for only once the last but one is written.
 *
 * @throws {SourceError} `ERR_SOURCE_SPOOL` when the folder cannot take it; `ERR_SOURCE_INVALID` when the stream is
 * empty or corrupt.
 */
export async function spool(stream: ByteStream, options: SpoolOptions): Promise<FileReader> {
  const { name, limits, signal } = options;
  const iterator = decompress(stream, 'none', { signal })[Symbol.asyncIterator]();
  try {
    const head = await readHead(iterator);
    if (head.byteLength === 0) throw invalidSource(`${JSON.stringify(name)} is empty`);
    const compression = recogniseCompression(head);
    const { maxSpoolBytes: maxBytes, maxSpoolRatio: maxRatio } = limits;
    const bounds = compression === 'none' ? { maxBytes } : { maxBytes, maxRatio, ratioFromBytes };
    // Padding behind gzip is common; whether an archive is whole, its members tell.
    const plain = decompress(rejoined(head, iterator), compression, { ...bounds, surplus: 'ignore', signal });
    return await writeDown(explained(plain, name), options);
  } finally {
    await iterator.return?.();
  }
}

/** Writes a stream as it is to such a file. @throws {SourceError} `ERR_SOURCE_SPOOL` when the folder cannot take it */
export async function writeDown(stream: ByteStream, options: Omit<SpoolOptions, 'limits'>): Promise<FileReader> {
  const { name, spoolFolder = tmpdir(), onSpool, onRead } = options;
  const file = await TemporaryFile.create(spoolFolder, name);
  try {
    surviving('onSpool', onSpool)?.({ name, path: file.path });
    // One chunk is written while the next is made, so that decompression and disk do not wait for each other in turn.
    let writing = Promise.resolve();
    for await (const chunk of stream) {
      await writing;
      writing = file.append(chunk);
      writing.catch(() => {}); // heard of when it is awaited
    }
    await writing;
    return await fileReaderOf(file.handle, name, { onRead, close: () => file[Symbol.asyncDispose]() });
  } catch (error) {
    await file[Symbol.asyncDispose]();
    throw error;
  }
}

/** The first bytes of a stream: enough to recognise it, or all there are. */
async function readHead(iterator: AsyncIterator<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for (let size = 0; size < magicLength; ) {
    const { done, value } = await iterator.next();
    if (done) break;
    chunks.push(value);
    size += value.byteLength;
  }
  return Buffer.concat(chunks);
}

async function* rejoined(head: Uint8Array, iterator: AsyncIterator<Uint8Array>): ByteStream {
  yield head;
  for (let next = await iterator.next(); !next.done; next = await iterator.next()) yield next.value;
}

async function* explained(stream: ByteStream, name: string): ByteStream {
  try {
    yield* stream;
  } catch (cause) {
    const { code, message } = cause as { readonly code?: unknown; readonly message?: unknown };
    if (typeof code !== 'string' || !code.startsWith('ERR_COMPRESSION_')) throw cause;
    if (code === 'ERR_COMPRESSION_UNSUPPORTED') {
      throw new SourceError('ERR_SOURCE_UNSUPPORTED', `Cannot open ${JSON.stringify(name)}: ${message}`, { cause });
    }
    if (code === 'ERR_COMPRESSION_TOO_LARGE') {
      throw invalidSource(`Cannot open ${JSON.stringify(name)}: it is refused as a decompression bomb. ${message}`, {
        cause,
        hint: 'If it is what it should be, decompress it beforehand and give its path',
      });
    }
    throw invalidSource(`Cannot open ${JSON.stringify(name)}: its compressed data is damaged or cut short`, { cause });
  }
}

/** Temporary files that could not be unlinked while open, as on Windows: they go when the process does. */
const leftovers = new Set<string>();

function removeLeftovers(): void {
  for (const path of leftovers) rmSync(path, { force: true });
}

class TemporaryFile implements AsyncDisposable {
  readonly path: string;
  readonly handle: FileHandle;
  readonly #folder: string;
  readonly #source: string;

  static async create(folder: string, source: string): Promise<TemporaryFile> {
    const path = join(folder, `slipway-${randomUUID()}.tar`);
    const handle = await open(path, 'wx+', 0o600).catch(async (cause) => {
      throw await spoolError(cause, folder, source);
    });
    // Unlinked at once, the file vanishes with its handle, however the process ends.
    const unlinked = await rm(path).then(
      () => true,
      () => false,
    );
    if (!unlinked) {
      if (leftovers.size === 0) process.once('exit', removeLeftovers);
      leftovers.add(path);
    }
    return new TemporaryFile(path, handle, folder, source);
  }

  constructor(path: string, handle: FileHandle, folder: string, source: string) {
    this.path = path;
    this.handle = handle;
    this.#folder = folder;
    this.#source = source;
  }

  async append(chunk: Uint8Array): Promise<void> {
    for (let written = 0; written < chunk.byteLength; ) {
      const { bytesWritten } = await this.handle.write(chunk, written).catch(async (cause) => {
        throw await spoolError(cause, this.#folder, this.#source);
      });
      written += bytesWritten;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.handle.close().catch(() => {}); // its content is of no more use
    if (!leftovers.delete(this.path)) return;
    await rm(this.path, { force: true }).catch(() => {});
    if (leftovers.size === 0) process.removeListener('exit', removeLeftovers);
  }
}

async function spoolError(cause: NodeJS.ErrnoException, folder: string, source: string): Promise<SourceError> {
  const isFull = cause.code === 'ENOSPC' || cause.code === 'EDQUOT';
  const reason = isFull ? 'the disk is full' : `${cause.code ?? cause.message}`;
  const free = isFull ? await freeSpace(folder) : '';
  return new SourceError(
    'ERR_SOURCE_SPOOL',
    `Cannot write ${JSON.stringify(source)} to ${JSON.stringify(folder)}: ${reason}`,
    {
      cause,
      hint: `${free}Choose another folder with \`spoolFolder\`, or decompress the archive beforehand and give its path`,
    },
  );
}

async function freeSpace(folder: string): Promise<string> {
  try {
    const { bavail, bsize } = await statfs(folder);
    return `${Math.floor((bavail * bsize) / 1024 ** 2)} MiB are free there. `;
  } catch {
    return '';
  }
}
