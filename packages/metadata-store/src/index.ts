/**
 * Remembers across runs which registry has which layer, as Docker does.
 *
 * @packageDocumentation
 */
/** For those who change other files of the same folder, as the daemon does. */
export { withFileLock } from '@slipway/file-lock';
export { type MetadataStoreOptions, openMetadataStore } from './book/book-store.ts';
export {
  type AttemptLimits,
  attemptLimits,
  type ExistenceCandidateOptions,
  existenceCandidates,
  type MountCandidateOptions,
  mountCandidates,
  type RankOptions,
  rankCandidates,
} from './claims/candidates.ts';
export { forgetBlobs } from './claims/forget-blobs.ts';
export { computeHmac, computeHmacKey, type HmacAuthConfig, hmacMatches } from './claims/hmac.ts';
export { type DockerMetadataOptions, withDockerMetadata } from './docker/docker-metadata.ts';
export { MetadataStoreError, type MetadataStoreErrorCode } from './errors.ts';
export { type FileBackendOptions, openFileBackend } from './files/file-backend.ts';
export {
  type FileMetadataStoreOptions,
  openFileMetadataStore,
} from './files/file-store.ts';
export type { KeyValueBackend, ValueChange } from './keyed/key-value-backend.ts';
export { createMetadataStore } from './keyed/key-value-store.ts';
export { createMemoryMetadataStore } from './keyed/memory-store.ts';
export { openResilientBackend, type ResilientBackendOptions } from './keyed/resilient-backend.ts';
export type { LayerClaim, LayerRecord, MetadataStore, SessionRecord } from './metadata-store.ts';
