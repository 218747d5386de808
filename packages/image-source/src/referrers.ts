import { algorithmOf, type Digest, encodedOf } from '@slipway/digest';
import type { Descriptor } from '@slipway/manifest';

/** A manifest that is about another one. */
export interface FoundReferrer {
  readonly descriptor: Descriptor;
  /** The tag that makes it one, where it has no `subject`: cosign's way. */
  readonly tag: string | undefined;
}

/** Finds what refers to a manifest. */
export type FindReferrers = (digest: Digest) => Promise<readonly FoundReferrer[]>;

/**
 * Tags under which cosign keeps signatures, attestations and SBOMs of a manifest.
 * @see https://github.com/sigstore/cosign/blob/v2.4.1/pkg/oci/remote/remote.go#L48-L52
 */
const cosignSuffixes = ['sig', 'att', 'sbom'] as const;

/** The tags that make a manifest a referrer of `digest` although it names no subject. */
export function cosignTags(digest: Digest): readonly string[] {
  return cosignSuffixes.map((suffix) => `${referrersTag(digest)}.${suffix}`);
}

/**
 * The tag of the index of referrers, where there is no referrers API.
 *
 * @see https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#referrers-tag-schema
 */
export function referrersTag(digest: Digest): string {
  return `${algorithmOf(digest).slice(0, 32)}-${encodedOf(digest).slice(0, 64)}`;
}

/** Whether a tag names an index of referrers, and no image. */
export function isReferrersTag(tag: string): boolean {
  return /^sha(?:256-[0-9a-f]{64}|(?:384|512)-[0-9a-f]{64,})$/.test(tag);
}
