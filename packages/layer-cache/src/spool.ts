import { aCount, assertArgument } from '@slipway/arguments';
import type { OpenOptions } from '@slipway/digest';
import { LayerCacheError } from './errors.ts';
import type { LayerCopy } from './layer-cache.ts';
import { readSize } from './read-size.ts';

/** Where the bytes of one layer gather. */
export interface SpoolStorage {
  /** Writes all of `chunk` at `position`. */
  write(chunk: Uint8Array, position: number): Promise<void>;
  /**
   * Reads some bytes at `position`, at least one: it is only asked for what was written. It may read into `room()`, as
   * far as that reaches, instead of into memory of its own.
   */
  read(position: number, maxLength: number, room?: () => Uint8Array): Promise<Uint8Array>;
  /** Brings what was written to where it is kept: called once, after the last write. */
  flush(): Promise<void>;
  close(): Promise<void>;
}

type SpoolState =
  | { readonly kind: 'open' }
  | { readonly kind: 'complete' }
  | { readonly kind: 'failed'; readonly error: Error };

/**
 * Bytes that can be read while more of them come: readers wait at the end until there is more, or none to come.
 * The storage stays open for those who hold a copy.
 */
export class Spool {
  readonly #storage: SpoolStorage;
  readonly #waiting = new Set<() => void>();
  #state: SpoolState = { kind: 'open' };
  #size = 0;
  #users = 1;

  constructor(storage: SpoolStorage) {
    this.#storage = storage;
  }

  get size(): number {
    return this.#size;
  }

  async append(chunk: Uint8Array): Promise<void> {
    if (this.#state.kind === 'failed') throw this.#state.error;
    if (this.#state.kind === 'complete')
      throw new TypeError('Expected an open layer to append to, got a committed one');
    await this.#storage.write(chunk, this.#size);
    this.#size += chunk.byteLength;
    this.#wake();
  }

  /** Whether the storage is open: by its writer, or for somebody who holds a copy. */
  get isOpen(): boolean {
    return this.#users > 0;
  }

  /** Takes hold of what is there, and of what will come. */
  hold(): LayerCopy {
    if (!this.isOpen) throw new LayerCacheError('ERR_CACHE_ABORTED', 'Cannot read a layer whose writer is closed');
    this.#users += 1;
    let isHeld = true;
    const assertHeld = (): void => {
      if (!isHeld) throw new TypeError('Expected an open copy of a layer, got a closed one');
    };
    return {
      read: (options = {}) => this.#read(options, assertHeld),
      [Symbol.asyncDispose]: async () => {
        if (!isHeld) return;
        isHeld = false;
        await this.#leave();
      },
    };
  }

  async *#read(
    { from = 0, signal, reuse }: OpenOptions,
    assertHeld: () => void,
  ): AsyncGenerator<Uint8Array, void, void> {
    assertArgument('from', from, aCount);
    signal?.throwIfAborted();
    let reused: Uint8Array | undefined;
    const room = (): Uint8Array => {
      reused ??= new Uint8Array(readSize);
      return reused;
    };
    for (let position = from; ; ) {
      assertHeld();
      while (position >= this.#size) {
        // What was written is handed out before the failure is: each byte saves one from being compressed again.
        if (this.#state.kind === 'failed') throw this.#state.error;
        if (this.#state.kind === 'complete') return;
        await this.#change(signal);
        assertHeld();
      }
      const length = Math.min(readSize, this.#size - position);
      const chunk = await this.#storage.read(position, length, reuse ? room : undefined).catch((cause) => {
        throw new LayerCacheError('ERR_CACHE_READ', `Cannot read the layer at byte ${position}: ${cause}`, { cause });
      });
      signal?.throwIfAborted();
      position += chunk.byteLength;
      yield chunk;
    }
  }

  /** No more will come: readers end where the bytes end. Throws where that was given up before. */
  complete(): void {
    if (this.#state.kind === 'failed') throw this.#state.error;
    this.#settle({ kind: 'complete' });
  }

  /** Brings what was appended to where it is kept. */
  async flush(): Promise<void> {
    await this.#storage.flush();
  }

  /** No more will come, and what is there is not all: readers throw `error` where the bytes end. */
  fail(error: Error): void {
    this.#settle({ kind: 'failed', error });
  }

  /** The writer is done with it. The storage closes when nobody holds a copy any more. */
  async close(): Promise<void> {
    this.fail(new LayerCacheError('ERR_CACHE_ABORTED', 'The layer was given up before it was complete'));
    await this.#leave();
  }

  #settle(state: SpoolState): void {
    if (this.#state.kind === 'open') this.#state = state;
    this.#wake();
  }

  #wake(): void {
    for (const wake of this.#waiting) wake();
  }

  /** Resolves at the next change of size or state; rejects with the signal's reason. */
  async #change(signal: AbortSignal | undefined): Promise<void> {
    let wake = (): void => {};
    try {
      await new Promise<void>((resolve) => {
        wake = resolve;
        this.#waiting.add(wake);
        signal?.addEventListener('abort', wake, { once: true });
      });
      signal?.throwIfAborted();
    } finally {
      this.#waiting.delete(wake);
      signal?.removeEventListener('abort', wake);
    }
  }

  async #leave(): Promise<void> {
    this.#users -= 1;
    if (this.#users === 0) await this.#storage.close();
  }
}
