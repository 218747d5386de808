import type { Digest } from '@slipway/digest';
import type { BlobToPush } from '../../plan/blob-to-push.ts';
import type { IndexPlan, ItemPlan, LayerDescriptor, Manifest } from '../../plan/plan-types.ts';
import { namesManifest } from '../../presence/existence.ts';
import type { BlobOutcome } from '../../presence/outcome.ts';
import type { Target } from '../../presence/target.ts';
import type { Delivery } from '../delivery.ts';
import { deliverManifest, emitPushed } from '../manifests/manifest.ts';
import { listAsReferrers } from '../manifests/subjects.ts';
import { deliverBlobs } from './blobs.ts';

/**
 * Brings everything a manifest names into the repository, children before parents, and returns the manifest.
 * The manifest itself is not sent: the caller puts it under a tag, or under its digest.
 */
export async function deliverContent(plan: ItemPlan, target: Target, delivery: Delivery): Promise<Manifest> {
  switch (plan.kind) {
    case 'image': {
      const outcomes = await deliverBlobs([...plan.layers.toReversed(), plan.config], target, delivery);
      return plan.assemble(plan.layers.map((blob) => layerDescriptor(blob, outcomes.get(blob.key))));
    }
    case 'artifact':
      await deliverBlobs(plan.blobs, target, delivery);
      return plan.verbatim;
    case 'index':
      return plan.assemble(await deliverChildren(plan, target, delivery));
    default:
      return plan satisfies never;
  }
}

async function deliverChildren(plan: IndexPlan, target: Target, delivery: Delivery): Promise<readonly Manifest[]> {
  const { scope } = delivery;
  if (plan.blobs.length > 0) await deliverBlobs(plan.blobs, target, delivery);
  const made = new Map<number, Manifest>();
  const deliverChild = async (child: ItemPlan, at: number): Promise<void> => {
    const known = child.verbatim && plan.order.follow(at, child.verbatim, made);
    const mayBeThere = known !== undefined && target.presence.believes(known.digest);
    if (mayBeThere && (await namesManifest(known.digest, known, target, scope))) {
      made.set(at, known);
      return;
    }
    const manifest = plan.order.follow(at, await deliverContent(child, target, delivery), made);
    const resend = resending(child, target, delivery);
    await deliverManifest(manifest.digest, manifest, target, delivery, { resend });
    emitPushed(target, undefined, manifest, false);
    made.set(at, manifest);
  };
  for (const wave of plan.order.waves) {
    await scope.all(wave.map((at) => () => deliverChild(plan.children[at]!, at)));
  }
  const manifests = madeOf(plan, made);
  // Before the index that holds them: whoever finds that finds what refers to its entries too (moby/buildkit#5573).
  await listAsReferrers(manifests, target, delivery);
  return manifests;
}

/** The manifests of all children, in their order. */
export function madeOf({ children }: IndexPlan, made: ReadonlyMap<number, Manifest>): readonly Manifest[] {
  return children.map((_, at) => {
    const manifest = made.get(at);
    if (manifest === undefined) throw new Error('unreachable: every child is in a wave');
    return manifest;
  });
}

/** Sends content anew that the registry was believed to have. */
export function resending(
  plan: ItemPlan,
  target: Target,
  delivery: Delivery,
): (missing: ReadonlySet<Digest>) => Promise<unknown> {
  return async (missing) => {
    for (const blob of blobsOf(plan)) await target.memory.forget(blob, missing);
    return await deliverContent(plan, target, delivery);
  };
}

function blobsOf(plan: ItemPlan): readonly BlobToPush[] {
  switch (plan.kind) {
    case 'image':
      return [...plan.layers, plan.config];
    case 'artifact':
      return plan.blobs;
    case 'index':
      return [...plan.blobs, ...plan.children.flatMap(blobsOf)];
    default:
      return plan satisfies never;
  }
}

function layerDescriptor(blob: BlobToPush, outcome: BlobOutcome | undefined): LayerDescriptor {
  if (outcome === undefined) throw new Error('unreachable: every layer has an outcome');
  if (outcome.kind !== 'skipped') return outcome.identity;
  if (blob.foreign === undefined) throw new Error('unreachable: only foreign layers are skipped');
  return { foreign: blob.foreign };
}
