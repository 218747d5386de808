import { algorithmOf, type Digest, digestBytes, isDigest } from '@slipway/digest';
import type { ItemPlan, Manifest } from './plan-types.ts';

/**
 * A plan whose manifest has the digest that registries give it under a tag. They name manifests by SHA-256, whatever
 * the source's index calls them: a digest of another algorithm would be told, and name nothing there.
 */
export function withCanonicalDigest(plan: ItemPlan): ItemPlan {
  if (plan.verbatim === undefined || algorithmOf(plan.verbatim.digest) === 'sha256') return plan;
  const verbatim = { ...plan.verbatim, digest: digestBytes(plan.verbatim.bytes) };
  switch (plan.kind) {
    case 'image':
      return { ...plan, verbatim, assemble: () => verbatim };
    case 'artifact':
      return { ...plan, verbatim };
    case 'index':
      return { ...plan, verbatim, assemble: () => verbatim };
    default:
      return plan satisfies never;
  }
}

/** Whether a text is a digest of a manifest, in whichever algorithm. */
export function isDigestOf(text: string | undefined, { digest, bytes }: Manifest): text is Digest {
  if (text === digest) return true;
  return text !== undefined && isDigest(text) && digestBytes(bytes, algorithmOf(text)) === text;
}
