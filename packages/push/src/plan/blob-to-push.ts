import type { Digest } from '@slipway/digest';
import type { Descriptor } from '@slipway/manifest';
import type { BlobRole, BlobSubject } from '../events.ts';
import type { BlobForm } from '../form/form.ts';
import type { ProvenIdentity } from '../knowledge.ts';

/** One blob that a manifest needs, whatever its destination. */
export interface BlobToPush {
  readonly role: BlobRole;
  /** Short id for people: of the diffID for a layer, else of the digest. */
  readonly id: string;
  /** Equal keys are one blob: the digest where the bytes are given, else the diffID. */
  readonly key: Digest;
  /**
   * Where the metadata store keeps what is known of it: the diffID for gzip layers (as docker does), else a key that
   * only this form has. Undefined while that is not known.
   */
  readonly recordKey: Digest | undefined;
  /** The bytes; undefined for a foreign layer that the source does not carry. */
  readonly form: BlobForm | undefined;
  /** Set when only these very bytes will do: the manifest is given. */
  readonly fixed: ProvenIdentity | undefined;
  /** Bytes by which the size class is chosen: as sent where known, else uncompressed (decision 0011). */
  readonly sizeHint: number;
  /** Canonical name of a repository that has these very bytes: its registry can mount them from there. */
  readonly heldIn: string | undefined;
  /** Set for a foreign layer: what the manifest says when the bytes are not pushed. */
  readonly foreign: Descriptor | undefined;
}

export function subjectOf(blob: BlobToPush, destination: string): BlobSubject {
  return { destination, role: blob.role, id: blob.id, key: blob.key };
}

/** The blobs without repetition, in their first order. */
export function distinctBlobs(blobs: readonly BlobToPush[]): BlobToPush[] {
  return [...new Map(blobs.map((blob) => [blob.key, blob])).values()];
}
