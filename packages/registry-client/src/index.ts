/**
 * Speaks the OCI distribution protocol to one registry: authentication, blobs, upload sessions, manifests, tags.
 *
 * @packageDocumentation
 */

export { type EndpointURL, type EndpointURLsOptions, endpointURLs } from './addresses/endpoint-urls.ts';
export { registryAddresses } from './addresses/registry-addresses.ts';
export {
  parseHostList,
  parseInsecureRegistries,
  parseNondistributableRegistries,
  type RegistryList,
} from './addresses/registry-list.ts';
export { type RegistryProfile, registryProfile } from './addresses/registry-profile.ts';
export { type Diagnostic, formatDetail, formatDiagnostics } from './answers/diagnostics.ts';
export { furtherFailure } from './answers/further-failure.ts';
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
export {
  RegistryError,
  type RegistryErrorCode,
  type RegistryErrorDetails,
  type RegistryOperation,
  registryErrorOf,
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
} from './options.ts';
export { openRegistry, type Registry, type RepositoryOptions } from './registry.ts';
export type { AccessReport, Ping, PingDetails } from './registry-connection.ts';
export { ensureReferrers, referrersTag } from './repository/referrers.ts';
export { wrapRepository } from './repository/registry-repository.ts';
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
