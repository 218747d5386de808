/**
 * Opens a container image from an archive or a folder as descriptors and content that can be opened again.
 *
 * @packageDocumentation
 */
export { artifactFrom } from './artifact/artifact-from.ts';
export {
  type ArtifactConfig,
  type ArtifactFile,
  type ArtifactParts,
  type ArtifactRecipe,
  artifactMediaTypes,
  type OpenArtifactOptions,
  type ResolveSubject,
} from './artifact/artifact-parts.ts';
export { SourceError, type SourceErrorCode, type SourceErrorOptions } from './errors.ts';
export type {
  ImageSource,
  IncompleteItem,
  InheritedLayer,
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
export { locateSource } from './locate-source.ts';
export { type OpenLayoutItemOptions, openLayoutItem } from './oci/open-layout-item.ts';
export { openSource } from './open-source.ts';
export { type ReadHook, type ResolvedSourceLimits, type SourceLimits, sourceLimitDefaults } from './options.ts';
export type { ConfigChanges } from './parts/image-config.ts';
export { imageFrom } from './parts/image-from.ts';
export type { BuildFormat, ImageParts, ImageRecipe, OpenBase, OpenPartsOptions } from './parts/image-parts.ts';
export { type LayerRecipe, layerFrom, type OpenedLayer, type OpenLayerOptions } from './parts/layer-from.ts';
export type { LayerOptions, Owner, PathFilter } from './parts/layer-options.ts';
export type { FileInMemory, FilesInMemory } from './parts/memory-entries.ts';
export { sourceDateEpoch } from './parts/source-date-epoch.ts';
export { type OpenRegistrySourceOptions, openRegistrySource, type RegistryReader } from './registry-source.ts';
export {
  type ItemSelector,
  parseSourceText,
  type SourceText,
  type StoredSourceText,
  sourceReadings,
} from './source-text.ts';
