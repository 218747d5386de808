import { createHash, type Hash } from 'node:crypto';
import { copyBytes } from '@slipway/deflate/pool';
import type { SharedMemory } from '../threads/shared-memory.ts';
import type { TarEntry } from './tar-walk.ts';

/** Plain bytes that are compressed by themselves at most, and together on one trip to a worker thread. */
export const chunkSize: number = 1024 * 1024;

/** A piece of a file that is compressed by itself. Where it lies is known when all before it is compressed. */
export interface Chunk {
  readonly fileOffset: number;
  size: number;
  digest: string;
  /** In the compressed layer: where it begins, and where it ends. */
  offset: number;
  end: number;
}

/** A file with its pieces. */
export interface Contents {
  readonly entry: TarEntry;
  readonly chunks: Chunk[];
  /** Of all bytes; of an empty file none. */
  digest: string | undefined;
  /** All of its bytes have come. */
  isRead: boolean;
}

export interface Part {
  size: number;
  readonly chunk: Chunk | undefined;
}

/** Parts that travel together. */
export interface Batch {
  readonly bytes: Uint8Array;
  used: number;
  readonly parts: Part[];
}

export interface PartBuilderOptions {
  readonly memory: SharedMemory;
  /** Whether what stands between two files is compressed with the end of the first, or by itself. */
  readonly joinsBetween: boolean;
  /** Hears of every batch, in order, before it is compressed. */
  readonly onBatch?: ((bytes: Uint8Array) => void) | undefined;
}

/**
 * Cuts a tar into parts that are compressed each by itself: pieces of files, at fixed places in the file, and what
 * stands between files. Where the cuts are follows from the content alone.
 */
export class PartBuilder {
  readonly #options: PartBuilderOptions;
  #batch: Batch | undefined;
  readonly #ready: Batch[] = [];
  #file: { readonly contents: Contents; readonly whole: Hash; read: number } | undefined;
  #chunk: { readonly chunk: Chunk; readonly hash: Hash } | undefined;

  constructor(options: PartBuilderOptions) {
    this.#options = options;
  }

  /** Takes the batches that are full. */
  takeReady(): readonly Batch[] {
    return this.#ready.splice(0);
  }

  /** What stands between files. */
  between(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.byteLength; ) {
      const batch = this.#batchWith(1);
      const piece = bytes.subarray(at, at + batch.bytes.byteLength - batch.used);
      const last = batch.parts.at(-1);
      if (last !== undefined && (last.chunk === undefined || this.#options.joinsBetween)) last.size += piece.byteLength;
      else batch.parts.push({ size: piece.byteLength, chunk: undefined });
      append(batch, piece);
      at += piece.byteLength;
    }
  }

  beginFile(contents: Contents): void {
    this.#file = { contents, whole: createHash('sha256'), read: 0 };
  }

  data(bytes: Uint8Array): void {
    const file = this.#file;
    if (file === undefined) throw new Error('unreachable: data belong to a file');
    const { contents } = file;
    const isSingle = contents.entry.dataSize <= chunkSize;
    for (let at = 0; at < bytes.byteLength; ) {
      const open = this.#chunk ?? this.#beginChunk(file);
      const { chunk, hash } = open;
      const piece = bytes.subarray(at, at + chunkSize - chunk.size);
      const batch = this.#batch as Batch;
      append(batch, piece);
      (batch.parts.at(-1) as Part).size += piece.byteLength;
      hash.update(piece);
      if (!isSingle) file.whole.update(piece);
      chunk.size += piece.byteLength;
      file.read += piece.byteLength;
      at += piece.byteLength;
      if (chunk.size === chunkSize || file.read === contents.entry.dataSize) this.#endChunk(open);
    }
  }

  endFile(): void {
    const file = this.#file;
    if (file === undefined) throw new Error('unreachable: a file was begun');
    const { contents, whole } = file;
    const [first] = contents.chunks;
    if (first !== undefined)
      contents.digest = contents.chunks.length === 1 ? first.digest : `sha256:${whole.digest('hex')}`;
    contents.isRead = true;
    this.#file = undefined;
  }

  end(): void {
    this.#flush();
  }

  #beginChunk({ contents, read }: { readonly contents: Contents; readonly read: number }): {
    readonly chunk: Chunk;
    readonly hash: Hash;
  } {
    const batch = this.#batchWith(Math.min(chunkSize, contents.entry.dataSize - read));
    const chunk: Chunk = { fileOffset: read, size: 0, digest: '', offset: -1, end: -1 };
    contents.chunks.push(chunk);
    batch.parts.push({ size: 0, chunk });
    this.#chunk = { chunk, hash: createHash('sha256') };
    return this.#chunk;
  }

  #endChunk({ chunk, hash }: { readonly chunk: Chunk; readonly hash: Hash }): void {
    chunk.digest = `sha256:${hash.digest('hex')}`;
    this.#chunk = undefined;
  }

  #batchWith(room: number): Batch {
    if (this.#batch !== undefined && this.#batch.used + room > this.#batch.bytes.byteLength) this.#flush();
    this.#batch ??= { bytes: this.#options.memory.take(chunkSize), used: 0, parts: [] };
    return this.#batch;
  }

  #flush(): void {
    if (this.#batch === undefined) return;
    this.#options.onBatch?.(this.#batch.bytes.subarray(0, this.#batch.used));
    this.#ready.push(this.#batch);
    this.#batch = undefined;
  }
}

function append(batch: Batch, piece: Uint8Array): void {
  copyBytes(batch.bytes, batch.used, piece);
  batch.used += piece.byteLength;
}
