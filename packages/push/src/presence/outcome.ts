import type { ProvenIdentity } from '../knowledge.ts';

/** How a blob came to be in the repository. */
export type BlobOutcome =
  | { readonly kind: 'existed'; readonly identity: ProvenIdentity; readonly learnt: boolean }
  | { readonly kind: 'mounted'; readonly identity: ProvenIdentity; readonly from: string }
  | { readonly kind: 'pushed'; readonly identity: ProvenIdentity }
  | { readonly kind: 'skipped' };
