import type { AbortOptions } from '@slipway/digest';
import { attemptLimits } from '@slipway/metadata-store';
import { parseReference } from '@slipway/reference';
import type { BlobIdentity } from '../form/form.ts';
import { type BlobToPush, distinctBlobs, subjectOf } from '../plan/blob-to-push.ts';
import type { LayerDescriptor } from '../plan/image-plan.ts';
import type { ItemPlan, Manifest } from '../plan/plan.ts';
import { identifyBlob } from '../upload/identify-blob.ts';
import { findExisting } from './existence.ts';
import { mountCandidatesOf } from './mount.ts';
import type { Target } from './target.ts';

/** What a dry run finds for one blob. */
type BlobPlan =
  | { readonly action: 'exists' | 'upload'; readonly identity: BlobIdentity }
  | { readonly action: 'mount'; readonly identity: BlobIdentity; readonly from: string }
  | { readonly action: 'skip' };

/**
 * Says for every blob what a push would do, asking but writing nothing, and returns the manifest it would send.
 * Layers that would be compressed are compressed, into the cache: their size and digest are exact, and the work is kept.
 */
export async function planContent(plan: ItemPlan, target: Target, options: AbortOptions): Promise<Manifest> {
  switch (plan.kind) {
    case 'image': {
      const plans = await planBlobs([...plan.layers.toReversed(), plan.config], target, options);
      return plan.assemble(plan.layers.map((blob) => descriptorOf(blob, plans.get(blob.key))));
    }
    case 'artifact':
      await planBlobs(plan.blobs, target, options);
      return plan.verbatim;
    case 'index': {
      const children: Manifest[] = [];
      for (const child of plan.children) children.push(await planContent(child, target, options));
      return plan.assemble(children);
    }
    default:
      return plan satisfies never;
  }
}

async function planBlobs(
  blobs: readonly BlobToPush[],
  target: Target,
  options: AbortOptions,
): Promise<Map<string, BlobPlan>> {
  const plans = new Map<string, BlobPlan>();
  for (const blob of distinctBlobs(blobs)) {
    const plan = await planBlob(blob, target, options);
    plans.set(blob.key, plan);
    const { digest, size } = plan.action === 'skip' ? (blob.foreign ?? { digest: blob.key, size: 0 }) : plan.identity;
    const from = plan.action === 'mount' ? plan.from : undefined;
    target.emit({
      type: 'blob:planned',
      blob: subjectOf(blob, target.destination),
      action: plan.action,
      from,
      digest,
      size,
    });
  }
  return plans;
}

async function planBlob(blob: BlobToPush, target: Target, { signal }: AbortOptions): Promise<BlobPlan> {
  const { form } = blob;
  if (form === undefined || (blob.foreign !== undefined && !target.allowNondistributable)) return { action: 'skip' };
  const claim =
    blob.fixed === undefined && blob.recordKey !== undefined ? target.learnt.get(blob.recordKey) : undefined;
  const claims = claim === undefined ? [] : [{ digest: claim.digest, sourceRepository: '', hmac: '' }];
  const records = [...claims, ...(await target.memory.records(blob))];
  const limits = attemptLimits(blob.sizeHint);
  const checked = new Set<BlobIdentity['digest']>();
  const attempts = limits.existenceChecks + claims.length;
  const existing = await findExisting(blob, target, { records, others: true, attempts, checked, signal });
  if (existing !== undefined) return { action: 'exists', identity: existing };
  const [candidate] = mountCandidatesOf(blob, target, { records, max: 1 });
  const given = candidate && form.identity?.digest === candidate.digest ? form.identity.size : blob.fixed?.size;
  const size = candidate && (given ?? (await target.memory.size(candidate.digest)));
  if (candidate !== undefined && size !== undefined) {
    return {
      action: 'mount',
      identity: { digest: candidate.digest, size },
      from: parseReference(candidate.sourceRepository).repository,
    };
  }
  const identity = await identifyBlob(blob, form, { signal });
  const own = [{ digest: identity.digest, sourceRepository: '', hmac: '' }];
  const there = await findExisting(blob, target, { records: own, others: true, attempts: 1, checked, signal });
  return { action: there === undefined ? 'upload' : 'exists', identity };
}

function descriptorOf(blob: BlobToPush, plan: BlobPlan | undefined): LayerDescriptor {
  if (plan === undefined) throw new Error('unreachable: every layer has a plan');
  if (plan.action !== 'skip') return plan.identity;
  if (blob.foreign === undefined) throw new Error('unreachable: only foreign layers are skipped');
  return { foreign: blob.foreign };
}
