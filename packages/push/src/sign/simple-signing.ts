import { algorithmOf, type Digest, digestBytes, encodedOf } from '@slipway/digest';
import { type Descriptor, mediaTypes } from '@slipway/manifest';
import type { Signature } from './signer.ts';

/** Media types of a signature: the payload, and the config of a manifest that names its subject. */
export const signatureMediaTypes = {
  payload: 'application/vnd.dev.cosign.simplesigning.v1+json',
  referrerConfig: 'application/vnd.dev.cosign.artifact.sig.v1+json',
} as const;

const signatureAnnotation = 'dev.cosignproject.cosign/signature';

/** A payload with its signature, as a layer of a manifest has it. */
export interface SignedPayload {
  readonly descriptor: Descriptor;
  readonly payload: Uint8Array;
}

/**
 * The tag of a manifest's signatures.
 *
 * @see https://github.com/sigstore/cosign/blob/v2.5.3/specs/SIGNATURE_SPEC.md#tag-based-discovery
 */
export function signatureTag(subject: Digest): string {
  return `${algorithmOf(subject)}-${encodedOf(subject)}.sig`;
}

/** Whether a tag is that of a manifest's signatures. */
export function isSignatureTag(tag: string): boolean {
  return /^sha256-[0-9a-f]{64}\.sig$/.test(tag);
}

/**
 * What is signed, to the byte as cosign writes it.
 *
 * @see https://github.com/containers/image/blob/v5.34.0/docs/containers-signature.5.md#json-data-format
 */
export function signingPayload(subject: Digest, identity: string): Uint8Array {
  const document = {
    critical: {
      identity: { 'docker-reference': identity },
      image: { 'docker-manifest-digest': subject },
      type: 'cosign container image signature',
    },
    optional: null,
  };
  return new TextEncoder().encode(JSON.stringify(document));
}

/** Puts a signature beside its payload. */
export function signedPayload(payload: Uint8Array, { bytes, annotations }: Signature): SignedPayload {
  const descriptor: Descriptor = {
    mediaType: signatureMediaTypes.payload,
    digest: digestBytes(payload),
    size: payload.byteLength,
    annotations: { ...annotations, [signatureAnnotation]: Buffer.from(bytes).toString('base64') },
  };
  return { descriptor, payload };
}

/** The signature that a layer carries; undefined for a layer that is none. */
export function signatureOf({ mediaType, annotations = {} }: Descriptor): Signature | undefined {
  const { [signatureAnnotation]: text, ...others } = annotations;
  if (mediaType !== signatureMediaTypes.payload || text === undefined) return undefined;
  return { bytes: Buffer.from(text, 'base64'), annotations: others };
}

/** A config that says of signatures no more than their digests, as every manifest of cosign's has one. */
export function signatureConfig(layers: readonly Pick<Descriptor, 'digest'>[]): Uint8Array {
  const rootfs = { type: 'layers', diff_ids: layers.map(({ digest }) => digest) };
  return new TextEncoder().encode(JSON.stringify({ architecture: '', os: '', config: {}, rootfs }));
}

/** The descriptor of a config. */
export function configDescriptor(bytes: Uint8Array, mediaType: string = mediaTypes.ociConfig): Descriptor {
  return { mediaType, digest: digestBytes(bytes), size: bytes.byteLength };
}
