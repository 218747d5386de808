/**
 * The credentials of registries, where docker and podman keep them: config files, credential helpers, identity tokens.
 *
 * @packageDocumentation
 */

export { type AuthConfig, authConfigFrom, credentialsOf } from './auth-config.ts';
export {
  type CredentialProviderSources,
  createCredentialProvider,
  type UserCredentialProvider,
} from './credential-provider.ts';
export type { CredentialReport, CredentialStep, FoundCredentials } from './credential-report.ts';
export type { CredentialSources } from './credential-sources.ts';
export type { CredentialProvider, CredentialProviderOptions, Credentials } from './credentials.ts';
export { describeCredentialPlaces, type PlaceReport } from './describe-places.ts';
export { type DockerConfigSources, readDockerConfig } from './docker-config.ts';
export {
  CredentialsError,
  type CredentialsErrorCode,
  type CredentialsErrorFacts,
  type CredentialsErrorReason,
} from './errors.ts';
export {
  type CredentialLookup,
  type RegistryCredentials,
  readCredentials,
  someCredentials,
  type UserAndPassword,
} from './given-credentials.ts';
export { hasAuthInfo } from './has-auth-info.ts';
export { findRegistryKey } from './registry-key.ts';
export { eraseCredentials, type StoredCredentials, storeCredentials } from './store-credentials.ts';
