/**
 * The OCI and Docker image documents: types, media types, guards and byte-exact builders.
 *
 * @packageDocumentation
 */
export {
  buildDockerManifest,
  buildDockerManifestList,
  buildIndex,
  buildOciManifest,
  type DockerManifestListOptions,
  type DockerManifestOptions,
  type EncodedManifest,
  type IndexOptions,
  type OciManifestOptions,
} from './build-manifest.ts';
export { chainID, chainIDs } from './chain-id.ts';
export { type Descriptor, emptyDescriptor, isAttestation, isForeign, type SizeOf } from './descriptor.ts';
export {
  InvalidManifestError,
  InvalidPlatformError,
  type ManifestErrorCode,
  ManifestTooLargeError,
} from './errors.ts';
export { defaultMaxSize } from './fields.ts';
export { encodeGoJSON, type GoJSONOptions, type RawJSON, rawJSON, sortedMap } from './go-json.ts';
export {
  type HistoryEntry,
  type ImageConfig,
  type ParseImageConfigOptions,
  parseImageConfig,
  platformOfConfig,
} from './image-config.ts';
export { excessOfJSON } from './json-excess.ts';
export {
  compressionOfMediaType,
  isImageConfigMediaType,
  isIndexMediaType,
  isLayerMediaType,
  isManifestMediaType,
  isMediaType,
  isNondistributableMediaType,
  isSchema1MediaType,
  type LayerMediaTypeOptions,
  layerMediaType,
  mediaTypes,
  toDockerMediaType,
  toOciMediaType,
} from './media-types.ts';
export {
  type DockerManifest,
  type DockerManifestList,
  essentialMediaType,
  type OciArtifactManifest,
  type OciIndex,
  type OciManifest,
  type ParsedManifest,
  type ParseManifestOptions,
  parseManifest,
  type Schema1Manifest,
} from './parse-manifest.ts';
export {
  formatPlatform,
  matchPlatform,
  normalizePlatform,
  type ParsePlatformOptions,
  type Platform,
  parsePlatform,
} from './platform.ts';
export { rereadManifest } from './reread-manifest.ts';
export type { Healthcheck, RuntimeConfig } from './runtime-config.ts';
export { secondReadingOf } from './second-reading.ts';
export { withDiffIDs } from './with-diff-ids.ts';
