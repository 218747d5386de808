import type { Digest } from '@slipway/digest';
import { pushFailure } from '../errors.ts';
import { identifyBlob } from '../form/identify-blob.ts';
import { provenByContent, provenByRecord } from '../knowledge.ts';
import { type BlobToPush, distinctBlobs, subjectOf } from '../plan/blob-to-push.ts';
import type { ItemPlan, LayerDescriptor, Manifest } from '../plan/plan-types.ts';
import { isDigestOf } from '../plan/root-digest.ts';
import { BlobAttempts } from '../presence/attempts.ts';
import { decide } from '../presence/decide.ts';
import type { DecisionReason } from '../presence/decision-reason.ts';
import { isSeen, namesManifest } from '../presence/existence.ts';
import type { Foresight } from '../presence/foresee.ts';
import { pathOf } from '../presence/mount.ts';
import type { Target } from '../presence/target.ts';
import { madeOf } from './blobs/content.ts';
import type { Delivery } from './delivery.ts';
import { misnamed, tagIn } from './manifests/by-digest.ts';
import { planSignatures, withSignaturesOf } from './manifests/signatures.ts';
import type { TagDelivery, TagResult } from './manifests/tag-delivery.ts';

/** Says for each tag what a push would do. */
export async function planTags(
  plan: ItemPlan,
  target: Target,
  foresight: Foresight,
  delivery: TagDelivery,
): Promise<readonly TagResult[]> {
  const { signal } = delivery.scope;
  const manifest = await planContent(plan, target, delivery);
  await planReferrers(plan, target, delivery);
  const signatures = await planSignatures(manifest, target, delivery);
  const results: TagResult[] = [];
  for (const tag of delivery.tags) {
    const wrong = misnamed(tag, manifest, target);
    if (wrong !== undefined) {
      results.push({ tag, error: wrong });
      continue;
    }
    const unchanged = foresight.unchangedTags.has(tag) || (await names(tag, manifest, target, signal));
    emitPlanned(target, tagIn(tag), manifest, unchanged);
    results.push(withSignaturesOf({ tag, manifest, unchanged }, signatures, delivery));
  }
  return results;
}

/**
 * Says for every blob what a push would do, asking but writing nothing, and returns the manifest it would send. Layers
 * that would be compressed are compressed, into the cache: their size and digest are exact, and the work is kept.
 */
export async function planContent(plan: ItemPlan, target: Target, delivery: Delivery): Promise<Manifest> {
  switch (plan.kind) {
    case 'image': {
      const planned = await planBlobs([...plan.layers.toReversed(), plan.config], target, delivery);
      return plan.assemble(plan.layers.map(({ key }) => planned.get(key) as LayerDescriptor));
    }
    case 'artifact':
      await planBlobs(plan.blobs, target, delivery);
      return plan.verbatim;
    case 'index': {
      await planBlobs(plan.blobs, target, delivery);
      const made = new Map<number, Manifest>();
      for (const at of plan.order.waves.flat()) {
        const manifest = await planContent(plan.children[at]!, target, delivery);
        made.set(at, plan.order.follow(at, manifest, made));
      }
      return plan.assemble(madeOf(plan, made));
    }
    default:
      return plan satisfies never;
  }
}

async function planReferrers(plan: ItemPlan, target: Target, delivery: Delivery): Promise<void> {
  if (plan.kind === 'index') for (const child of plan.children) await planReferrers(child, target, delivery);
  for (const { plan: referrer, manifest, tag } of plan.referrers) {
    const unchanged = await namesManifest(tag ?? manifest.digest, manifest, target, delivery.scope);
    if (!unchanged) await planContent(referrer, target, delivery);
    emitPlanned(target, tag, manifest, unchanged);
    await planReferrers(referrer, target, delivery);
  }
}

async function planBlobs(
  blobs: readonly BlobToPush[],
  target: Target,
  delivery: Delivery,
): Promise<Map<string, LayerDescriptor>> {
  const planned = new Map<string, LayerDescriptor>();
  for (const blob of distinctBlobs(blobs)) planned.set(blob.key, await planBlob(blob, target, delivery));
  return planned;
}

async function planBlob(
  blob: BlobToPush,
  target: Target,
  { learn, scope: { signal } }: Delivery,
): Promise<LayerDescriptor> {
  await using attempts = new BlobAttempts();
  const decision = await decide(blob, target, {
    attempts,
    learn,
    signal,
    onProgress() {},
    onStoring() {},
    onAcknowledged() {},
  });
  const tell = (
    action: 'exists' | 'mount' | 'upload' | 'skip',
    reason: DecisionReason,
    { digest, size }: { readonly digest: Digest; readonly size: number },
    from?: string | undefined,
  ): void =>
    target.emit({
      type: 'blob:planned',
      blob: subjectOf(blob, target.destination),
      action,
      reason,
      from,
      digest,
      size,
    });
  if (decision.kind === 'skip') {
    if (blob.foreign === undefined) throw new Error('unreachable: only foreign layers are skipped');
    tell('skip', decision.reason, blob.foreign);
    return { foreign: blob.foreign };
  }
  if (decision.kind === 'exists') {
    tell('exists', decision.reason, decision.identity);
    return decision.identity;
  }
  const { form } = blob;
  if (form === undefined) throw new Error('unreachable: what is sent has content');
  const [candidate] = decision.kind === 'mount' ? decision.candidates : [];
  const known = form.identity?.digest === candidate?.digest ? form.identity?.size : blob.fixed?.size;
  const size = candidate && (known ?? (await target.memory.size(candidate.digest)));
  if (candidate !== undefined && size !== undefined) {
    const identity = provenByRecord(candidate, size);
    tell('mount', decision.reason, identity, pathOf(candidate));
    return identity;
  }
  const identity = provenByContent(await identifyBlob(blob, form, { signal }));
  const mayAsk = target.presence.believes(identity.digest);
  if (mayAsk && (await isSeen(identity, target, { signal })) === true) tell('exists', 'recorded', identity);
  else tell('upload', decision.kind === 'upload' ? decision.reason : 'not known', identity);
  return identity;
}

async function names(tag: string, manifest: Manifest, target: Target, signal: AbortSignal): Promise<boolean> {
  const question = target.ask((repository) => repository.statManifest(tag, { signal }), { signal });
  const stat = await question.catch((error: unknown) => {
    throw pushFailure(tag, { op: 'plan', origin: 'destination', cause: error });
  });
  return isDigestOf(stat?.digest, manifest);
}

function emitPlanned(
  { emit, destination }: Target,
  tag: string | undefined,
  { digest, bytes, mediaType }: Manifest,
  unchanged: boolean,
): void {
  emit({ type: 'manifest:planned', destination, tag, digest, size: bytes.byteLength, mediaType, unchanged });
}
