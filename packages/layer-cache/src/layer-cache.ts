import type { AbortOptions, ByteStream, Digest, FormNotes, OpenOptions } from '@slipway/digest';

/**
 * The bytes of a compressed layer, held open: until it is disposed, they can be read even if the cache lets the layer
 * go. They prove nothing: whoever reads them compares them with the digest.
 */
export interface LayerCopy extends AsyncDisposable {
  /**
   * The bytes from `from` on. Of a layer that is still written, it waits for what is appended later, and ends with the
   * commit.
   *
   * @throws {LayerCacheError} `ERR_CACHE_READ` when they cannot be read; of a layer that is still written, where its
   * bytes end: `ERR_CACHE_WRITE` after a failed append, `ERR_CACHE_ABORTED` once its writer, or the cache, was closed
   * without a commit.
   */
  read(options?: OpenOptions): ByteStream;
}

/** A compressed layer that was kept. */
export interface CachedLayer {
  readonly digest: Digest;
  /** Bytes of the compressed layer. */
  readonly size: number;
  /** What else was said of the bytes when they were made. */
  readonly notes?: FormNotes | undefined;
  /** @throws {LayerCacheError} `ERR_CACHE_READ` when it is gone, or cannot be opened; the cause says which. */
  open(options?: AbortOptions): Promise<LayerCopy>;
}

/** Takes in one compressed layer, one call at a time; what is not committed when it closes leaves nothing behind. */
export interface LayerCacheWriter extends AsyncDisposable {
  /** @throws {LayerCacheError} `ERR_CACHE_WRITE` when the layer cannot be kept after all: the push goes on without. */
  append(chunk: Uint8Array): Promise<void>;
  /**
   * What has been appended, and what will be.
   *
   * @throws {LayerCacheError} `ERR_CACHE_ABORTED` when the writer is closed, and nobody holds its bytes any more;
   * `ERR_CACHE_READ` as {@link CachedLayer.open}.
   */
  open(options?: AbortOptions): Promise<LayerCopy>;
  /** @throws {LayerCacheError} `ERR_CACHE_WRITE` when the layer cannot be kept; its readers end well all the same. */
  commit(result: {
    readonly digest: Digest;
    readonly size: number;
    readonly notes?: FormNotes | undefined;
  }): Promise<CachedLayer>;
}

export interface BeginOptions extends AbortOptions {
  /**
   * Bytes of the plain layer, or of what it is unpacked from: a cache may hold a small one in memory while it is made.
   * @default not known: it is taken for a small one, until it turns out to be large
   */
  readonly plainSize?: number | undefined;
}

/**
 * Keeps the compressed form of layers, so that no diffID is compressed twice.
 * `recipe` names everything that decides the bytes: compressor, version, level.
 */
export interface LayerCache {
  find(diffID: Digest, recipe: string, options?: AbortOptions): Promise<CachedLayer | undefined>;
  /** `undefined` when the cache cannot take it (disk full, switched off): the push then goes on without. */
  begin(diffID: Digest, recipe: string, options?: BeginOptions): Promise<LayerCacheWriter | undefined>;
  /** Forgets a layer that turned out to be damaged or gone. Never rejects for one that cannot be removed. */
  remove(diffID: Digest, recipe: string): Promise<void>;
}
