import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Content, LentFile, OpenOptions } from '@slipway/digest';
import { fromSystemError, SourceError } from '../errors.ts';
import type { ReadHook } from '../options.ts';
import { findMember } from '../tar/member-path.ts';
import { sparseContent } from '../tar/sparse-content.ts';
import type { TarFile, TarIndex } from '../tar/tar-entry.ts';
import { assertOffset, type FileReader, notRegular, openFileReader, sharesFiles } from './file-reader.ts';

/** One regular file inside a source. */
export interface StoredFile {
  readonly content: Content;
  /** Its first bytes, at most `length`, without reading further. */
  head(length: number): Promise<Uint8Array>;
}

/** The files of an archive or a folder, by path with `/`. */
export interface SourceFiles {
  /** What messages call the archive or the folder. */
  readonly name: string;
  /** Undefined when there is no such file. The same file gives the same object, under whatever name. */
  find(path: string): Promise<StoredFile | undefined>;
}

/** Files of an indexed archive. @throws {SourceError} `ERR_SOURCE_INVALID` from `find`, for links that lead nowhere. */
export function tarFiles(reader: FileReader, index: TarIndex): SourceFiles {
  const found = new Map<number, StoredFile>();
  return {
    name: reader.name,
    async find(path) {
      const entry = findMember(index, path, reader.name);
      if (!entry) return undefined;
      let file = found.get(entry.offset);
      if (!file) {
        file = storedFileOf(reader, entry, `member ${JSON.stringify(path)}`);
        // An empty file shares its offset with the member after it.
        if (entry.size > 0) found.set(entry.offset, file);
      }
      return file;
    },
  };
}

function storedFileOf(reader: FileReader, entry: TarFile, label: string): StoredFile {
  const { offset, size, pieces, head } = entry;
  if (pieces === undefined) {
    return {
      content: reader.slice(offset, size, label),
      async head(length) {
        const wanted = Math.min(length, size);
        if (head !== undefined && head.byteLength >= wanted) return head.subarray(0, wanted);
        return await reader.read(offset, wanted);
      },
    };
  }
  const content = sparseContent(reader, { offset, size, pieces }, label);
  return { content, head: async (length) => await firstBytes(content, length) };
}

async function firstBytes(content: Content, length: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of content.open()) {
    chunks.push(chunk);
    size += chunk.byteLength;
    if (size >= length) break;
  }
  return Buffer.concat(chunks).subarray(0, length);
}

/**
 * Files of a folder. Each read opens the file anew: a layout may have more blobs than a process may have open files.
 */
export function folderFiles(folder: string, onRead?: ReadHook): SourceFiles {
  const found = new Map<string, StoredFile | undefined>();
  return {
    name: folder,
    async find(path) {
      if (!found.has(path)) found.set(path, await fileOf(join(folder, path), onRead));
      return found.get(path);
    },
  };
}

async function fileOf(path: string, onRead: ReadHook | undefined): Promise<StoredFile | undefined> {
  // Symbolic links are followed: build tools make layouts of links into their caches, and digests tell what is in them.
  const stats = await stat(path).catch((cause) => {
    if (cause.code === 'ENOENT' || cause.code === 'ENOTDIR') return undefined;
    throw fromSystemError(cause, path);
  });
  if (!stats) return undefined;
  if (!stats.isFile()) throw notRegular(path, stats.isDirectory());
  const { size, mtimeMs } = stats;

  async function reopen(): Promise<FileReader> {
    const reader = await openFileReader(path, onRead).catch((cause) => {
      throw cause.code === 'ERR_SOURCE_NOT_FOUND' ? changed(path, 'it was deleted', cause) : cause;
    });
    if (reader.size === size && reader.mtimeMs === mtimeMs) return reader;
    await reader[Symbol.asyncDispose]();
    throw changed(path, 'it was written to');
  }

  async function* open({ from = 0, signal, reuse }: OpenOptions = {}): AsyncGenerator<Uint8Array> {
    assertOffset(from, size);
    signal?.throwIfAborted();
    await using reader = await reopen();
    yield* reader.slice(0, size, 'it').open({ from, signal, reuse });
  }

  async function lend(): Promise<LentFile> {
    const reader = await reopen();
    const file = await reader.slice(0, size, 'it').lend?.();
    if (file === undefined) throw new Error('unreachable: files of folders are lent where files are');
    return {
      ...file,
      [Symbol.dispose]() {
        file[Symbol.dispose]();
        void reader[Symbol.asyncDispose]();
      },
    };
  }

  return {
    content: { size, open, lend: sharesFiles ? lend : undefined },
    async head(length) {
      await using reader = await reopen();
      return await reader.read(0, Math.min(length, size));
    },
  };
}

function changed(path: string, how: string, cause?: unknown): SourceError {
  return new SourceError('ERR_SOURCE_CHANGED', `${JSON.stringify(path)} changed after it was opened: ${how}`, {
    cause,
    hint: 'Wait until nothing writes to the folder any more, then try again',
  });
}
