import { type AbortOptions, algorithmOf, type Digest, digestBytes } from '@slipway/digest';
import {
  type Descriptor,
  isAttestation,
  isIndexMediaType,
  isManifestMediaType,
  rereadManifest,
} from '@slipway/manifest';
import type { Manifest } from '../plan/plan-types.ts';

/** A manifest that gets a signature. */
export type SignedManifest = Pick<Descriptor, 'mediaType' | 'size'> & { readonly digest: Digest };

/**
 * What is signed of a manifest that was pushed: of an index every image in it, then the index. Clients that run one
 * platform ask for the signature of that platform's manifest, others for that of the tag's. Attestations are nothing to
 * run.
 *
 * @param read the bytes of an index within the index; undefined where they are not to be had
 */
export async function signedManifests(
  { mediaType, bytes }: Pick<Manifest, 'mediaType' | 'bytes'>,
  read: (digest: Digest, options: AbortOptions) => Promise<Uint8Array | undefined>,
  { signal }: AbortOptions,
): Promise<readonly SignedManifest[]> {
  const own = { mediaType, digest: digestBytes(bytes), size: bytes.byteLength };
  if (!isIndexMediaType(mediaType)) return [own];
  const signed = new Map<Digest, SignedManifest>();
  const { manifests } = rereadManifest({ bytes, mediaType }) as {
    readonly manifests: readonly Descriptor[];
  };
  for (const entry of manifests) {
    if (isAttestation(entry)) continue;
    if (isIndexMediaType(entry.mediaType)) {
      const inner = await read(entry.digest, { signal });
      const found = inner && (await signedManifests({ mediaType: entry.mediaType, bytes: inner }, read, { signal }));
      for (const each of found ?? []) signed.set(each.digest, each);
    } else if (isManifestMediaType(entry.mediaType) && algorithmOf(entry.digest) === 'sha256') {
      const { mediaType: type, digest, size } = entry;
      signed.set(digest, { mediaType: type, digest, size });
    }
  }
  return [...signed.values(), own];
}
