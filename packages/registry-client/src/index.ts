/**
 * Speaks the OCI distribution protocol to one registry: authentication, blobs, upload sessions, manifests, tags.
 *
 * @packageDocumentation
 */

export type { Challenge } from './auth/challenge.ts';
export { type AuthConfig, authConfigFrom, credentialsOf } from './credentials/auth-config.ts';
export {
  type CredentialProviderSources,
  createCredentialProvider,
  type UserCredentialProvider,
} from './credentials/credential-provider.ts';
export type { CredentialReport, CredentialStep, FoundCredentials } from './credentials/credential-report.ts';
export type { CredentialSources } from './credentials/credential-sources.ts';
export { describeCredentialPlaces, type PlaceReport } from './credentials/describe-places.ts';
export {
  CredentialsError,
  type CredentialsErrorCode,
  type CredentialsErrorFacts,
  type CredentialsErrorReason,
} from './credentials/errors.ts';
export { hasAuthInfo } from './credentials/has-auth-info.ts';
export { eraseCredentials, type StoredCredentials, storeCredentials } from './credentials/store-credentials.ts';
export type { CredentialProvider, CredentialProviderOptions, Credentials } from './credentials.ts';
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
} from './options.ts';
export { ProxyError, type ProxyErrorCode } from './proxy/errors.ts';
export { dispatcherFor } from './proxy/proxy-dispatcher.ts';
export { type ProxyVariables, proxyFor } from './proxy/proxy-for.ts';
export { readProxyVariables } from './proxy/proxy-variables.ts';
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
export type { CertificateSummary } from './tls/certificate-chain.ts';
export { CertificateError, type CertificateErrorCode, type CertificateErrorFacts } from './tls/errors.ts';
export {
  type ExplainTLSErrorOptions,
  explainTLSError,
  type TLSExplanation,
} from './tls/explain-tls-error.ts';
export { type InspectTLSOptions, inspectTLS, type TLSInspection } from './tls/inspect-tls.ts';
export { describeTLS, loadTLSOptions, type TLSReport, type TLSSources } from './tls/tls-options.ts';
