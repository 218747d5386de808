import { type Digest, digestBytes } from '@slipway/digest';
import { buildOciManifest, type Descriptor, mediaTypes, type OciManifest, rereadManifest } from '@slipway/manifest';
import type { ManifestContent } from '@slipway/registry-client';
import type { Manifest } from '../plan/plan-types.ts';
import { configDescriptor, type SignedPayload, signatureConfig, signatureMediaTypes } from './simple-signing.ts';

/** A manifest with the blobs that have to be there before it. */
export interface ManifestWithBlobs {
  readonly manifest: Manifest;
  readonly blobs: readonly Uint8Array[];
}

/**
 * Layers of the manifest that has a subject's signatures.
 *
 * @returns undefined when it is no manifest of signatures, and must not be written over
 */
export function signatureLayers({
  bytes,
  mediaType,
}: Pick<ManifestContent, 'bytes' | 'mediaType'>): readonly Descriptor[] | undefined {
  if (mediaType !== mediaTypes.ociManifest) return undefined;
  try {
    return (rereadManifest({ bytes, mediaType }) as OciManifest).layers;
  } catch {
    return undefined;
  }
}

/**
 * Adds signatures to the manifest that is there, of which everything else stays; without one, makes the first. Their
 * payloads are the caller's to bring.
 */
export function withSignatures(
  there: Pick<ManifestContent, 'bytes'> | undefined,
  added: readonly Descriptor[],
): ManifestWithBlobs {
  if (there === undefined) {
    const config = signatureConfig(added);
    return { manifest: buildOciManifest({ config: configDescriptor(config), layers: added }), blobs: [config] };
  }
  const { bytes } = there;
  const before = JSON.parse(new TextDecoder().decode(bytes)) as { readonly layers: readonly Descriptor[] };
  const layers = [...before.layers, ...added];
  // A config of another kind is not ours to judge: signatures are found by their layers.
  const config = signatureConfig(layers);
  const after = new TextEncoder().encode(JSON.stringify({ ...before, config: configDescriptor(config), layers }));
  const manifest = { mediaType: mediaTypes.ociManifest, digest: digestBytes(after), bytes: after };
  return { manifest, blobs: [config] };
}

/**
 * A manifest that has one signature and names its subject: registries list it, and clients of OCI 1.1 find it without a
 * tag. The same signature makes the same bytes.
 */
export function signatureReferrer(
  { descriptor, payload }: SignedPayload,
  subject: Pick<Descriptor, 'mediaType' | 'size'> & { readonly digest: Digest },
): ManifestWithBlobs {
  const config = signatureConfig([descriptor]);
  const manifest = buildOciManifest({
    config: configDescriptor(config, signatureMediaTypes.referrerConfig),
    layers: [descriptor],
    subject,
  });
  return { manifest, blobs: [config, payload] };
}
