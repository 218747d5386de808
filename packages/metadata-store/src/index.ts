/**
 * Remembers across runs which registry has which layer, as Docker does.
 *
 * @packageDocumentation
 */
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
export { MetadataStoreError, type MetadataStoreErrorCode, type MetadataStoreErrorOptions } from './errors.ts';
export { type FileLockOptions, withFileLock } from './file-lock.ts';
export { type FileMetadataStoreOptions, openFileMetadataStore } from './file-store.ts';
export { computeHmac, computeHmacKey, type HmacAuthConfig, hmacMatches } from './hmac.ts';
export type { KeyValueBackend, ValueChange } from './key-value-backend.ts';
export { createMetadataStore } from './key-value-store.ts';
export { type LmdbMetadataStoreOptions, openLmdbBackend, openLmdbMetadataStore } from './lmdb-store.ts';
export { createMemoryMetadataStore } from './memory-store.ts';
export type { LayerClaim, LayerRecord, MetadataStore, SessionRecord } from './metadata-store.ts';
export { openResilientMetadataStore, type ResilientMetadataStoreOptions } from './resilient-store.ts';
