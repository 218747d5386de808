import type { FileHandle } from 'node:fs/promises';
import { aCount, assertArgument, assertSignal } from '@slipway/arguments';
import type { AbortOptions, ByteStream, Digest, OpenOptions } from '@slipway/digest';
import { openRegularFile } from '@slipway/read-file';
import { LayerCacheError } from './errors.ts';
import type { LayerCopy } from './layer-cache.ts';
import { readSize } from './read-size.ts';

/**
 * Opens the file of a cached layer. The open file outlives its name: removing it takes nothing away.
 *
 * @throws {LayerCacheError} `ERR_CACHE_READ`
 */
export async function openFileCopy(
  path: string,
  digest: Digest,
  size: number,
  { signal }: AbortOptions = {},
): Promise<LayerCopy> {
  assertSignal(signal);
  signal?.throwIfAborted();
  const file = await openRegularFile(path).catch((cause) => {
    throw unreadable(digest, cause);
  });
  return new FileCopy(file, digest, size);
}

class FileCopy implements LayerCopy {
  readonly #file: FileHandle;
  readonly #digest: Digest;
  readonly #size: number;
  #closing: Promise<void> | undefined;

  constructor(file: FileHandle, digest: Digest, size: number) {
    this.#file = file;
    this.#digest = digest;
    this.#size = size;
  }

  async *read({ from = 0, signal, reuse }: OpenOptions = {}): ByteStream & AsyncGenerator<Uint8Array, void, void> {
    assertSignal(signal);
    assertArgument('from', from, aCount);
    const room = reuse ? new Uint8Array(Math.min(readSize, Math.max(0, this.#size - from))) : undefined;
    for (let position = from; position < this.#size; ) {
      signal?.throwIfAborted();
      if (this.#closing !== undefined) throw new TypeError('Expected an open copy of a layer, got a closed one');
      const length = Math.min(readSize, this.#size - position);
      const buffer = room ?? new Uint8Array(length);
      const { bytesRead } = await this.#file.read(buffer, 0, length, position).catch((cause) => {
        throw unreadable(this.#digest, cause);
      });
      if (bytesRead === 0) throw unreadable(this.#digest, new Error(`it ends at byte ${position} of ${this.#size}`));
      position += bytesRead;
      yield buffer.subarray(0, bytesRead);
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closing ??= this.#file.close().catch(() => {}); // it was only read
    return this.#closing;
  }
}

function unreadable(digest: Digest, cause: unknown): LayerCacheError {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new LayerCacheError('ERR_CACHE_READ', `Cannot read the cached layer ${digest}: ${why}`, { cause });
}
