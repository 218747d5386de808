/**
 * Speaks the OCI distribution protocol to one registry: authentication, blobs, upload sessions, manifests, tags.
 *
 * @packageDocumentation
 */

export type { Challenge } from './auth/challenge.ts';
export {
  carryOutDeletion,
  type DeletionPlan,
  type DeletionResult,
  type DeletionTarget,
  type ParentIndex,
  type PlanDeletionOptions,
  planDeletion,
} from './deletion/deletion-plan.ts';
export { type Diagnostic, formatDetail, formatDiagnostics } from './diagnostics.ts';
export { type EndpointURL, type EndpointURLsOptions, endpointURLs } from './endpoint-urls.ts';
export {
  RegistryError,
  type RegistryErrorCode,
  type RegistryErrorDetails,
  type RegistryOperation,
} from './errors.ts';
export {
  type DispatcherFactory,
  type DispatcherOptions,
  type RegistryOptions,
  type RequestRecord,
  registryDefaults,
  type TimeoutOptions,
  type TLSOptions,
  timeoutsOf,
  type UserAndPassword,
} from './options.ts';
export { ensureReferrers, referrersTag } from './referrers.ts';
export { openRegistry, type Registry, type RepositoryOptions } from './registry.ts';
export { registryAddresses } from './registry-addresses.ts';
export type { AccessReport, Ping, PingDetails } from './registry-connection.ts';
export { parseInsecureRegistries, parseNondistributableRegistries, type RegistryList } from './registry-list.ts';
export { type RegistryProfile, registryProfile } from './registry-profile.ts';
export { wrapRepository } from './registry-repository.ts';
export type {
  BeginUploadOptions,
  BeginUploadResult,
  BlobStat,
  DeletedTag,
  DeleteOptions,
  GetImageOptions,
  ImageContent,
  ListOptions,
  ManifestContent,
  ManifestStat,
  OpenBlobOptions,
  PutManifestOptions,
  PutManifestResult,
  Repository,
  RepositoryRequests,
  ResolveOptions,
  SendOptions,
  StatManifestOptions,
  StreamedContent,
  UploadSession,
  WaitOptions,
} from './repository.ts';
