import { type Content, exactContent, shortDigest } from '@slipway/digest';
import type { LayerCheck } from '../form/layer-check.ts';
import { StoredForm } from '../form/stored-form.ts';
import type { ProvenIdentity } from '../knowledge.ts';
import type { BlobToPush } from './blob-to-push.ts';

export interface FixedBlobOptions {
  /** Canonical name of a repository that has it. */
  readonly heldIn?: string | undefined;
  /** What it is compared with beside its digest. */
  readonly check?: LayerCheck | undefined;
}

/** A blob whose bytes are named by their digest. */
export function fixedBlob(
  role: BlobToPush['role'],
  content: Content,
  identity: ProvenIdentity,
  { heldIn, check }: FixedBlobOptions = {},
): BlobToPush {
  return {
    role,
    id: shortDigest(identity.digest),
    key: identity.digest,
    recordKey: identity.digest,
    form: new StoredForm(exactContent(content), { identity, check }),
    fixed: identity,
    sizeHint: identity.size,
    heldIn,
    foreign: undefined,
  };
}
