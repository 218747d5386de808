/**
 * Opens a container image from an archive or a folder as descriptors and content that can be opened again.
 *
 * @packageDocumentation
 */
export { SourceError, type SourceErrorCode, type SourceErrorOptions } from './errors.ts';
export type {
  ImageSource,
  IncompleteItem,
  OpenSourceOptions,
  SourceArtifact,
  SourceBlob,
  SourceImage,
  SourceIndex,
  SourceItem,
  SourceItemExtras,
  SourceLayer,
  SourceNotice,
  SourceReferrer,
  SourceV1Image,
} from './image-source.ts';
export { type OpenLayoutItemOptions, openLayoutItem } from './open-layout-item.ts';
export { openSource } from './open-source.ts';
export { type ReadHook, type ResolvedSourceLimits, type SourceLimits, sourceLimitDefaults } from './options.ts';
export { type OpenRegistrySourceOptions, openRegistrySource, type RegistryReader } from './registry-source.ts';
export {
  type ItemSelector,
  parseSourceText,
  type SourceText,
  type StoredSourceText,
  sourceReadings,
} from './source-text.ts';
