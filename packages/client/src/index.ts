/**
 * Pushes images as the program does: credentials, certificates, proxies, caches and every kind of source, in one call.
 *
 * @packageDocumentation
 */

export type { CredentialLookup, RegistryCredentials, UserAndPassword } from '@slipway/docker-credentials';
export {
  type ArtifactConfig,
  type ArtifactFile,
  type ArtifactParts,
  type ArtifactRecipe,
  artifactFrom,
  type ConfigChanges,
  type FilesInMemory,
  type ImageParts,
  type ImageRecipe,
  imageFrom,
  type LayerOptions,
  type LayerRecipe,
  layerFrom,
} from '@slipway/image-source';
export type { ImageSignature, PushEvent, PushResult, Signature, Signer } from '@slipway/push';
export type { AttachRequest } from './artifacts/attach-request.ts';
export type { Referrer, ReferrersOptions } from './artifacts/subjects.ts';
export type { Client, PushedImage, PushReport, RepositoryOptions } from './client.ts';
export type { ClientOptions, ClientParts, ClientSettings } from './client-options.ts';
export type { ConnectionParts, ConnectionSettings } from './connection/connection-settings.ts';
export type { RegistryEndpoint } from './connection/registries.ts';
export { type LoginOptions, LoginRefusedError } from './connection/verify-login.ts';
export { withDispatch } from './connection/with-dispatch.ts';
export { withHeaders } from './connection/with-headers.ts';
export { createClient } from './create-client.ts';
export { type CredentialsChoice, credentialSourcesOf } from './credentials/client-credentials.ts';
export { noteRegistryFacts, type RegistryFacts, registryFactsOf } from './credentials/registry-facts.ts';
export type { TrackedCredentials } from './credentials/tracked-credentials.ts';
export { type ClientEnvironment, readEnvironment } from './environment.ts';
export { ClientError, type ClientErrorCode, type ClientErrorDetails, PushFailedError } from './errors.ts';
export { assertNoUser } from './names/assert-no-user.ts';
export { registryNamed } from './names/registry-named.ts';
export { assertPushSettings } from './push/assert-push-settings.ts';
export { type DestinationInput, type ParseDestinationsOptions, parseDestinations } from './push/destinations.ts';
export type { Delivery, DeliveryOptions } from './push/push-all.ts';
export type {
  CompressionSettings,
  PushRequest,
  PushSettings,
  SelectionSettings,
  SourceInput,
} from './push/push-request.ts';
export type { SigningSettings } from './signing/open-signer.ts';
export type { OpenOptions } from './sources/open-source.ts';
export { type LocalImagesOptions, openLocalImages } from './stores/local-images.ts';
export type { StoreSettings } from './stores/stores.ts';
