import type { AbortOptions, Content, Digest } from '@slipway/digest';

/** A compressed layer that was kept. */
export interface CachedLayer {
  readonly digest: Digest;
  readonly size: number;
  readonly content: Content;
}

/** Takes in one compressed layer; what is not committed leaves nothing behind. */
export interface LayerCacheWriter extends AsyncDisposable {
  append(chunk: Uint8Array): Promise<void>;
  /** What has been appended so far, readable while more is appended. */
  openWritten(from: number): AsyncIterable<Uint8Array>;
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
