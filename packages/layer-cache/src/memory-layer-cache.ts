import { aCount, aNumber, assertArgument, assertOptions, assertSignal } from '@slipway/arguments';
import type { AbortOptions, ByteStream, Digest, OpenOptions } from '@slipway/digest';
import { LayerCacheError } from './errors.ts';
import type { BeginOptions, CachedLayer, LayerCache, LayerCacheWriter, LayerCopy } from './layer-cache.ts';
import type { SpoolStorage } from './spool.ts';
import { OpenWriters } from './spool-writer.ts';

/** How much memory the cache may have. */
export interface MemoryLayerCacheOptions {
  /** Bytes to hold at most, layers under way not counted; also the largest layer it takes. @default 64 MiB */
  readonly maxBytes?: number | undefined;
}

/** Keeps compressed layers in memory: for tests, and for small layers where nothing may be written. */
export function createMemoryLayerCache(options: MemoryLayerCacheOptions = {}): LayerCache & AsyncDisposable {
  assertOptions('options', options, { optional: { maxBytes: aNumber } });
  return new MemoryLayerCache(options.maxBytes ?? 64 * 1024 * 1024);
}

class MemoryLayerCache implements LayerCache, AsyncDisposable {
  readonly #maxBytes: number;
  /** Least recently used first. */
  readonly #layers = new Map<string, CachedLayer>();
  readonly #writers = new OpenWriters();
  #isClosed = false;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  async find(diffID: Digest, recipe: string, { signal }: AbortOptions = {}): Promise<CachedLayer | undefined> {
    assertSignal(signal);
    signal?.throwIfAborted();
    const key = keyOf(diffID, recipe);
    const layer = this.#layers.get(key);
    if (layer !== undefined) this.#use(key, layer);
    return layer;
  }

  async begin(diffID: Digest, recipe: string, { signal }: BeginOptions = {}): Promise<LayerCacheWriter | undefined> {
    assertSignal(signal);
    signal?.throwIfAborted();
    if (this.#isClosed || this.#maxBytes <= 0) return undefined;
    const storage = new MemoryStorage(this.#maxBytes);
    return this.#writers.open({
      storage,
      keep: async ({ digest, size, notes }) => {
        const bytes = storage.bytes();
        const layer: CachedLayer = { digest, size, notes, open: async () => memoryCopy(bytes) };
        if (!this.#isClosed) this.#use(keyOf(diffID, recipe), layer);
        this.#evict();
        return layer;
      },
      discard: async () => {},
      onFailure: () => {}, // the caller hears of it; there is nothing a user could do
    });
  }

  async remove(diffID: Digest, recipe: string): Promise<void> {
    this.#layers.delete(keyOf(diffID, recipe));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    this.#writers.close();
    this.#layers.clear();
  }

  #use(key: string, layer: CachedLayer): void {
    this.#layers.delete(key);
    this.#layers.set(key, layer);
  }

  #evict(): void {
    let total = 0;
    for (const { size } of this.#layers.values()) total += size;
    for (const [key, { size }] of this.#layers) {
      if (total <= this.#maxBytes) return;
      this.#layers.delete(key);
      total -= size;
    }
  }
}

function memoryCopy(bytes: Uint8Array): LayerCopy {
  return {
    async *read({ from = 0, signal }: OpenOptions = {}): ByteStream & AsyncGenerator<Uint8Array, void, void> {
      assertSignal(signal);
      assertArgument('from', from, aCount);
      signal?.throwIfAborted();
      if (from < bytes.byteLength) yield bytes.subarray(from);
    },
    async [Symbol.asyncDispose]() {},
  };
}

class MemoryStorage implements SpoolStorage {
  readonly #maxBytes: number;
  #buffer: Uint8Array = new Uint8Array(64 * 1024);
  #size = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  async write(chunk: Uint8Array, position: number): Promise<void> {
    const end = position + chunk.byteLength;
    if (end > this.#maxBytes) {
      throw new LayerCacheError('ERR_CACHE_WRITE', `The layer does not fit into a cache of ${this.#maxBytes} bytes`);
    }
    if (end > this.#buffer.byteLength) {
      // Doubles: what readers hold of the old buffer stays as it was.
      const grown = new Uint8Array(Math.min(this.#maxBytes, Math.max(end, this.#buffer.byteLength * 2)));
      grown.set(this.#buffer.subarray(0, this.#size));
      this.#buffer = grown;
    }
    this.#buffer.set(chunk, position);
    this.#size = end;
  }

  async read(position: number, maxLength: number): Promise<Uint8Array> {
    return this.#buffer.subarray(position, position + maxLength);
  }

  async flush(): Promise<void> {}

  async close(): Promise<void> {}

  bytes(): Uint8Array {
    return this.#buffer.slice(0, this.#size);
  }
}

function keyOf(diffID: Digest, recipe: string): string {
  return `${diffID} ${recipe}`;
}
