/**
 * Keeps images and compressed layers on this machine.
 *
 * @packageDocumentation
 */
export { LayerCacheError, type LayerCacheErrorCode } from './errors.ts';
export type { CachedLayer, LayerCache, LayerCacheWriter } from './layer-cache.ts';
export { type LayerCacheOptions, openLayerCache } from './layer-cache-disk.ts';
export { createMemoryLayerCache, type MemoryLayerCacheOptions } from './layer-cache-memory.ts';
export { createTemporaryLayerCache, type TemporaryLayerCacheOptions } from './layer-cache-temporary.ts';
