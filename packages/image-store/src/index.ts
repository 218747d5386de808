/**
 * Keeps images and compressed layers on this machine.
 *
 * @packageDocumentation
 */
export {
  ImageStoreError,
  type ImageStoreErrorCode,
  type ImageStoreErrorOptions,
  LayerCacheError,
  type LayerCacheErrorCode,
} from './errors.ts';
export type {
  AdmissionRequest,
  CollectedGarbage,
  CollectGarbageOptions,
  DeleteOptions,
  DeleteRecord,
  DiskUsage,
  HeldImage,
  ImageStore,
  ImageStoreEvent,
  ImageStoreOptions,
  InspectedImage,
  LoadedImage,
  LoadOptions,
  LoadProgress,
  OpenImageOptions,
  StoredImage,
  TagOfImage,
} from './image-store.ts';
export type { CachedLayer, LayerCache, LayerCacheWriter } from './layer-cache.ts';
export { type LayerCacheOptions, openLayerCache } from './layer-cache-disk.ts';
export { createMemoryLayerCache, type MemoryLayerCacheOptions } from './layer-cache-memory.ts';
export { createTemporaryLayerCache, type TemporaryLayerCacheOptions } from './layer-cache-temporary.ts';
export { openImageStore } from './open-image-store.ts';
export { type AddTagOptions, type Association, ReferenceStore } from './reference-store.ts';
export { openStoreSource } from './store-source.ts';
