import type { AbortOptions, Content, Digest, ReuseOptions } from '@slipway/digest';

/** A compressed layer that was kept. */
export interface CachedLayer {
  readonly digest: Digest;
  readonly size: number;
  /** Checked against the digest while it is read. @throws {LayerCacheError} `ERR_CACHE_CORRUPT`, before the last byte */
  readonly content: Content;
}

/** Takes in one compressed layer, one call at a time; what is not committed when it closes leaves nothing behind. */
export interface LayerCacheWriter extends AsyncDisposable {
  /** @throws {LayerCacheError} `ERR_CACHE_WRITE` when the layer cannot be kept after all: the push goes on without. */
  append(chunk: Uint8Array): Promise<void>;
  /**
   * What has been appended, from byte `from` on, waiting for what is appended later; ends with the commit.
   *
   * @throws {LayerCacheError} where the bytes end: `ERR_CACHE_WRITE` after a failed append, `ERR_CACHE_ABORTED` once
   * the writer was closed without a commit.
   */
  openWritten(from: number, options?: ReuseOptions): AsyncIterable<Uint8Array>;
  /** @throws {LayerCacheError} `ERR_CACHE_WRITE` when the layer cannot be kept; its readers end well all the same. */
  commit(result: { readonly digest: Digest; readonly size: number }): Promise<CachedLayer>;
}

/**
 * Keeps the compressed form of layers, so that no diffID is compressed twice.
 * `recipe` names everything that decides the bytes: compressor, version, level.
 */
export interface LayerCache {
  find(diffID: Digest, recipe: string, options?: AbortOptions): Promise<CachedLayer | undefined>;
  /** `undefined` when the cache cannot take it (disk full, switched off): the push then goes on without. */
  begin(diffID: Digest, recipe: string, options?: AbortOptions): Promise<LayerCacheWriter | undefined>;
}
