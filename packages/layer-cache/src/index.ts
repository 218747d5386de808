/**
 * Keeps compressed layers on this machine, readable while they are written.
 *
 * @packageDocumentation
 */
export { LayerCacheError, type LayerCacheErrorCode } from './errors.ts';
export type { BeginOptions, CachedLayer, LayerCache, LayerCacheWriter, LayerCopy } from './layer-cache.ts';
export { createMemoryLayerCache, type MemoryLayerCacheOptions } from './memory-layer-cache.ts';
export { type LayerCacheOptions, openLayerCache } from './open-layer-cache.ts';
export { createTemporaryLayerCache, type TemporaryLayerCacheOptions } from './temporary-layer-cache.ts';
