import type { LayerRecord } from '@slipway/metadata-store';
import type { BlobIdentity } from './form/form.ts';

declare const grade: unique symbol;

/**
 * Bytes that this machine has read, unpacked or compressed, or that are named by their own digest: a manifest of ours
 * may name them. A claim is no `ProvenIdentity`, and the compiler refuses it in one's place.
 */
export type ProvenIdentity = BlobIdentity & { readonly [grade]: 'proven' };

/** What somebody's manifest says a layer is. A hint, and only for the repository that it was read in. */
export type ClaimedIdentity = BlobIdentity & { readonly [grade]: 'claimed' };

/**
 * How the presence of a blob in a repository is known: this push sent it, or the registry confirmed it in this push.
 */
export type PresenceProof = 'sent' | 'seen';

/** Of bytes that a form has, or that the source's own manifest names by their digest. */
export function provenByContent(identity: BlobIdentity): ProvenIdentity {
  return { digest: identity.digest, size: identity.size } as ProvenIdentity;
}

/** Of a pairing that an earlier push of this machine has recorded: only proven pairings are ever recorded. */
export function provenByRecord({ digest }: LayerRecord, size: number): ProvenIdentity {
  return { digest, size } as ProvenIdentity;
}

/** Of a pairing whose blob was read back and unpacked to the diffID. */
export function provenByUnpacking(claim: ClaimedIdentity): ProvenIdentity {
  return { digest: claim.digest, size: claim.size } as ProvenIdentity;
}

/**
 * Of a claim that the user chose to believe, with `learn: 'trust'`: the one place where a claim counts as knowledge.
 */
export function believed(claim: ClaimedIdentity): ProvenIdentity {
  return { digest: claim.digest, size: claim.size } as ProvenIdentity;
}

/** Of what a document in a registry says. */
export function claimed(identity: BlobIdentity): ClaimedIdentity {
  return { digest: identity.digest, size: identity.size } as ClaimedIdentity;
}
