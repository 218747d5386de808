/**
 * Remembers across runs which registry has which layer, as Docker does.
 *
 * @packageDocumentation
 */
/** For those who change other files of the same folder, as the daemon does. */
export { withFileLock } from '@slipway/file-lock';
export {
  type AttemptLimits,
  attemptLimits,
  type ExistenceCandidateOptions,
  existenceCandidates,
  type MountCandidateOptions,
  mountCandidates,
  type RankOptions,
  rankCandidates,
} from './candidates.ts';
export { type DockerMetadataOptions, withDockerMetadata } from './docker-metadata.ts';
export { MetadataStoreError, type MetadataStoreErrorCode } from './errors.ts';
export { type FileBackendOptions, openFileBackend } from './file-backend.ts';
export {
  type FileMetadataStoreOptions,
  type MetadataStoreOptions,
  openFileMetadataStore,
  openMetadataStore,
} from './file-store.ts';
export { forgetBlobs } from './forget-blobs.ts';
export { computeHmac, computeHmacKey, type HmacAuthConfig, hmacMatches } from './hmac.ts';
export type { KeyValueBackend, ValueChange } from './key-value-backend.ts';
export { createMetadataStore } from './key-value-store.ts';
export { createMemoryMetadataStore } from './memory-store.ts';
export type { LayerClaim, LayerRecord, MetadataStore, SessionRecord } from './metadata-store.ts';
export { openResilientBackend, type ResilientBackendOptions } from './resilient-backend.ts';
