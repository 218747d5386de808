import { mediaTypes } from '@slipway/manifest';
import { asPushError } from '../../errors.ts';
import type { ItemPlan, Manifest } from '../../plan/plan-types.ts';
import { foresee, noForesight } from '../../presence/foresee.ts';
import type { Target } from '../../presence/target.ts';
import { destinationErrorOf } from '../../upload/retry-rules.ts';
import { deliverContent, resending } from '../blobs/content.ts';
import { planTags } from '../dry-run.ts';
import { misnamed, tagIn } from './by-digest.ts';
import { deliverManifest, emitPushed } from './manifest.ts';
import { deliverReferrers, hasReferrers } from './referrers.ts';
import { deliverSignatures, withSignaturesOf } from './signatures.ts';
import { listAsReferrers, lookForSubject, notListed } from './subjects.ts';
import type { TagDelivery, TagResult } from './tag-delivery.ts';

/**
 * Pushes one item to one repository under one or more tags: its content once, then the tags in order, each ending by
 * itself.
 */
export async function pushTags(plan: ItemPlan, target: Target, delivery: TagDelivery): Promise<readonly TagResult[]> {
  const { verbatim } = plan;
  // What is known to have another digest is not sent at all.
  const refused = delivery.tags.flatMap((tag): readonly TagResult[] => {
    const error = verbatim && misnamed(tag, verbatim, target);
    return error === undefined ? [] : [{ tag, error }];
  });
  const names = new Set(refused.map(({ tag }) => tag));
  const tags = delivery.tags.filter((tag) => !names.has(tag));
  return tags.length === 0 ? refused : [...refused, ...(await pushNames(plan, target, { ...delivery, tags }))];
}

async function pushNames(plan: ItemPlan, target: Target, delivery: TagDelivery): Promise<readonly TagResult[]> {
  const { scope, tags, learn, learnFrom, records } = delivery;
  const { signal } = scope;
  await lookForSubject(plan, target, delivery);
  const foresight = target.presence.believesAnything
    ? await foresee(plan, target, { tags, learn, learnFrom, records, signal })
    : noForesight;
  if (delivery.dryRun) return await planTags(plan, target, foresight, delivery);
  const { manifest, unchangedTags } = foresight;
  if (manifest !== undefined && foresight.inRepository) {
    await deliverReferrers(plan, target, delivery);
    const signatures = await deliverSignatures(manifest, target, delivery);
    const results = await tagExisting(manifest, unchangedTags, target, delivery);
    if (results !== undefined) {
      const listed = await listTagged(results, manifest, target, delivery);
      return listed.map((result) => withSignaturesOf(result, signatures, delivery));
    }
  }
  const pushed = await deliverContent(plan, target, delivery);
  if (hasReferrers(plan) || delivery.signing !== undefined) {
    // Whoever sees the tag finds the signatures too; and no registry has to take a referrer before its subject.
    const resend = resending(plan, target, delivery);
    await deliverManifest(pushed.digest, pushed, target, delivery, { resend });
    await deliverReferrers(plan, target, delivery);
  }
  const signatures = await deliverSignatures(pushed, target, delivery);
  const results: TagResult[] = [];
  for (const tag of tags) {
    const result = await putTag(tag, pushed, plan, target, delivery);
    results.push(withSignaturesOf(result, signatures, delivery));
  }
  return await listTagged(results, pushed, target, delivery);
}

/**
 * Sees to it that the registry lists what was pushed as a referrer of its subject. That is what an artifact is pushed
 * for; an image is there with it or without.
 */
async function listTagged(
  results: readonly TagResult[],
  manifest: Manifest,
  target: Target,
  delivery: TagDelivery,
): Promise<readonly TagResult[]> {
  if (!results.some((result) => 'manifest' in result)) return results;
  if (!delivery.requireSubject) {
    await listAsReferrers([manifest], target, delivery);
    return results;
  }
  const [error] = await notListed([manifest], target, delivery);
  if (error === undefined) return results;
  return results.map((result) => ('manifest' in result ? { tag: result.tag, error } : result));
}

/** The registry has read the manifest and said no. */
function isRefusal(error: unknown): boolean {
  const answer = destinationErrorOf(error);
  return answer?.status !== undefined && answer.status >= 400 && answer.status < 500 && !answer.transient;
}

/**
 * Puts further tags on a manifest that the repository has shown. Nothing is said of its blobs: nobody has asked for
 * them.
 *
 * @returns undefined when the registry does not take it after all: the content has to be looked at
 */
async function tagExisting(
  manifest: Manifest,
  unchangedTags: ReadonlySet<string>,
  target: Target,
  delivery: TagDelivery,
): Promise<readonly TagResult[] | undefined> {
  const results: TagResult[] = [];
  const tell = (): void => {
    for (const result of results)
      if ('manifest' in result) emitPushed(target, tagIn(result.tag), manifest, result.unchanged);
  };
  let hasTagged = false;
  for (const tag of delivery.tags) {
    const wrong = misnamed(tag, manifest, target);
    if (wrong !== undefined) {
      results.push({ tag, error: wrong });
      continue;
    }
    if (unchangedTags.has(tag)) {
      results.push({ tag, manifest, unchanged: true });
      continue;
    }
    try {
      const lost = new Error('the repository does not have what the manifest names');
      const resend = (): Promise<never> => Promise.reject(lost);
      const { unchanged } = await deliverManifest(tag, manifest, target, delivery, { resend });
      hasTagged = true;
      results.push({ tag, manifest, unchanged });
    } catch (error) {
      if (delivery.scope.signal.aborted) tell();
      delivery.scope.signal.throwIfAborted();
      if (!hasTagged) return undefined; // push the content, then try again: that says what is really wrong
      results.push({ tag, error: asPushError(error) });
    }
  }
  tell();
  return results;
}

async function putTag(
  tag: string,
  manifest: Manifest,
  plan: ItemPlan,
  target: Target,
  delivery: TagDelivery,
): Promise<TagResult> {
  const wrong = misnamed(tag, manifest, target);
  if (wrong !== undefined) return { tag, error: wrong };
  try {
    const resend = resending(plan, target, delivery);
    const { unchanged } = await deliverManifest(tag, manifest, target, delivery, { resend });
    emitPushed(target, tagIn(tag), manifest, unchanged);
    return { tag, manifest, unchanged };
  } catch (error) {
    delivery.scope.signal.throwIfAborted();
    const isReplaceable = plan.kind === 'image' && manifest.mediaType === mediaTypes.dockerManifest;
    if (isReplaceable && tagIn(tag) !== undefined && isRefusal(error)) {
      const { afterRefusal } = await import('../../legacy/schema1-fallback.ts');
      return await afterRefusal(asPushError(error), { tag, manifest, plan }, target, delivery);
    }
    return { tag, error: asPushError(error) };
  }
}
