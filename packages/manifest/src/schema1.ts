/**
 * What registries of before 2017 want: schema 1 manifests, their signatures, v1 ids and configs.
 *
 * @packageDocumentation
 */
export { SignatureError, TrustKeyError } from './errors.ts';
export { emptyLayer } from './schema1/empty-layer.ts';
export { buildGraphManifest, type GraphManifestLayer, type GraphManifestOptions } from './schema1/graph-manifest.ts';
export {
  type SignedJSON,
  type SignJSONOptions,
  signedPayload,
  signJSON,
  type VerifiedJSON,
  type VerifyJSONOptions,
  verifyJSON,
} from './schema1/json-signature.ts';
export {
  buildSchema1Manifest,
  type Schema1ManifestOptions,
  type UnsignedManifest,
} from './schema1/schema1-manifest.ts';
export {
  createTrustKey,
  formatPublicTrustKey,
  formatTrustKey,
  parseTrustKey,
  type TrustAlgorithm,
  type TrustKey,
  type TrustPublicKey,
} from './schema1/trust-key.ts';
export { type V1Image, v1ImagesOf } from './schema1/v1-image.ts';
export { type ConfigFromV1Options, configFromV1 } from './schema1/v1-import.ts';
