/** Everything that can go wrong with a cached layer. */
export type LayerCacheErrorCode =
  /**
   * When: a layer is read or written whose writer, or cache, was closed before its commit. Retry: no. Do: compress the
   * layer again.
   */
  | 'ERR_CACHE_ABORTED'
  /** When: what was kept is gone, or cannot be read. Retry: no. Do: remove the entry, and compress the layer again. */
  | 'ERR_CACHE_READ'
  /**
   * When: the layer cannot be kept: disk full, folder not writable, larger than the cache. Retry: no. Do: free space or
   * choose another folder; the push goes on without the cache.
   */
  | 'ERR_CACHE_WRITE';

/** A layer could not be kept, or not be read back. The push goes on without the cache. */
export class LayerCacheError extends Error {
  readonly code: LayerCacheErrorCode;
  override name = 'LayerCacheError';

  constructor(code: LayerCacheErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
