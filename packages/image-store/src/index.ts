/**
 * Keeps images on this machine.
 *
 * @packageDocumentation
 */

// A machine that keeps images keeps their compressed layers beside them.
export { type LayerCache, type LayerCacheOptions, openLayerCache } from '@slipway/layer-cache';
export {
  ImageStoreError,
  type ImageStoreErrorCode,
  type ImageStoreErrorOptions,
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
export { type AddTagOptions, type Association, ReferenceStore } from './layout/reference-store.ts';
export { openImageStore } from './open-image-store.ts';
export { openStoreSource } from './store-source.ts';
