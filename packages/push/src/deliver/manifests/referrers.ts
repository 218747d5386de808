import type { ItemPlan, ReferrerPlan } from '../../plan/plan-types.ts';
import { namesManifest } from '../../presence/existence.ts';
import type { Target } from '../../presence/target.ts';
import { signatureLayers, withSignatures } from '../../sign/signature-manifest.ts';
import { isSignatureTag, signatureOf } from '../../sign/simple-signing.ts';
import { deliverContent, resending } from '../blobs/content.ts';
import type { Delivery } from '../delivery.ts';
import { deliverManifest, emitPushed } from './manifest.ts';
import { deliverMade, hasSignature, readSignatures } from './signature-list.ts';
import { listAsReferrers } from './subjects.ts';

/** Whether anything in the plan has referrers. */
export function hasReferrers(plan: ItemPlan): boolean {
  return plan.referrers.length > 0 || (plan.kind === 'index' && plan.children.some(hasReferrers));
}

/**
 * Pushes everything that refers to a manifest or to what it names, all of which is there already, referrers of
 * referrers included, and sees to it that the registry lists them.
 */
export async function deliverReferrers(plan: ItemPlan, target: Target, delivery: Delivery): Promise<void> {
  if (plan.kind === 'index') for (const child of plan.children) await deliverReferrers(child, target, delivery);
  for (const { plan: referrer, manifest, tag } of plan.referrers) {
    const name = tag ?? manifest.digest;
    if (tag !== undefined && (await joinSignatures(tag, { plan: referrer, manifest }, target, delivery))) continue;
    const mayBeThere = target.presence.believes(manifest.digest);
    if (!(mayBeThere && (await namesManifest(name, manifest, target, delivery.scope)))) {
      await deliverContent(referrer, target, delivery);
      const resend = resending(referrer, target, delivery);
      const { unchanged } = await deliverManifest(name, manifest, target, delivery, { resend });
      emitPushed(target, tag, manifest, unchanged);
    }
    await deliverReferrers(referrer, target, delivery);
  }
  await listAsReferrers(
    plan.referrers.flatMap(({ manifest, tag }) => (tag === undefined ? manifest : [])),
    target,
    delivery,
  );
}

/**
 * Adds signatures to those that the repository has of the same image, of other keys perhaps: a list in place of theirs
 * would take them away.
 *
 * @returns false where there are none, or they are no such list: then it is pushed as it is
 */
async function joinSignatures(
  tag: string,
  { plan, manifest }: Pick<ReferrerPlan, 'plan' | 'manifest'>,
  target: Target,
  delivery: Delivery,
): Promise<boolean> {
  const own = isSignatureTag(tag) ? signatureLayers(manifest) : undefined;
  if (own === undefined || own.some((layer) => signatureOf(layer) === undefined)) return false;
  const there = await readSignatures(tag, target, delivery);
  if (there === undefined || there.content.digest === manifest.digest) return false;
  const missing = own.filter((layer) => !hasSignature(there, layer));
  if (missing.length > 0) {
    await deliverContent(plan, target, delivery);
    const joined = withSignatures(there.content, missing);
    await deliverMade(tag, joined, target, delivery);
    emitPushed(target, tag, joined.manifest, false);
  }
  return true;
}
