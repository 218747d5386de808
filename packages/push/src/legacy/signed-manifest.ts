import { mediaTypes } from '@slipway/manifest';
import { createTrustKey, signJSON, type UnsignedManifest } from '@slipway/manifest/schema1';
import { answered } from '../answered.ts';
import type { TagDelivery } from '../deliver/manifests/tag-delivery.ts';
import type { Manifest } from '../plan/plan-types.ts';

/** A signed manifest: what is sent, and what users are told of it. */
export interface SignedManifest {
  /** Its digest is that of what was signed: by it the registry knows the manifest. */
  readonly sent: Manifest;
  /** Digest and size of what was signed. */
  readonly told: Manifest;
}

/** Signs with the pusher's key, or a new one. */
export async function signManifest(
  { bytes, digest }: UnsignedManifest,
  { trustKey, scope }: Pick<TagDelivery, 'trustKey' | 'scope'>,
): Promise<SignedManifest> {
  const key = trustKey === undefined ? createTrustKey() : await answered(trustKey(), scope.signal);
  const signed = await signJSON(bytes, [key]);
  const mediaType = mediaTypes.schema1SignedManifest;
  return { sent: { mediaType, digest, bytes: signed.bytes }, told: { mediaType, digest, bytes } };
}
