import type { ItemPlan } from '../plan/plan-types.ts';
import { namesManifest } from '../presence/existence.ts';
import type { Target } from '../presence/target.ts';
import { deliverContent, resending } from './content.ts';
import type { Delivery } from './delivery.ts';
import { deliverManifest, emitPushed } from './manifest.ts';
import { listAsReferrers } from './subjects.ts';

/** Whether anything in the plan has referrers. */
export function hasReferrers(plan: ItemPlan): boolean {
  return plan.referrers.length > 0 || (plan.kind === 'index' && plan.children.some(hasReferrers));
}

/**
 * Pushes everything that refers to a manifest or to what it names, all of which is there already, referrers of referrers
 * included, and sees to it that the registry lists them.
 */
export async function deliverReferrers(plan: ItemPlan, target: Target, delivery: Delivery): Promise<void> {
  if (plan.kind === 'index') for (const child of plan.children) await deliverReferrers(child, target, delivery);
  for (const { plan: referrer, manifest, tag } of plan.referrers) {
    const name = tag ?? manifest.digest;
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
