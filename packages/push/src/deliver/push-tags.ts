import type { Digest } from '@slipway/digest';
import { mediaTypes } from '@slipway/manifest';
import type { TrustKey } from '@slipway/manifest/schema1';
import { PushError, pushFailure } from '../errors.ts';
import { distinctBlobs, subjectOf } from '../plan/blob-to-push.ts';
import type { ItemPlan, Manifest } from '../plan/plan.ts';
import { type ForeseeOptions, type Foresight, foresee } from '../presence/foresee.ts';
import { planContent } from '../presence/plan-blobs.ts';
import type { Target } from '../presence/target.ts';
import { registryErrorOf } from '../upload/retry-rules.ts';
import type { PushBlobsOptions } from './push-blobs.ts';
import { emitPushed, pushContent, putManifest } from './push-item.ts';
import { hasReferrers, listAsReferrers, planReferrers, pushReferrers } from './push-referrers.ts';

export interface PushTagsOptions extends Omit<ForeseeOptions, 'signal'>, PushBlobsOptions {
  readonly dryRun: boolean;
  /** Whether a refused Docker manifest stays refused. @default true */
  readonly requireSchema2?: boolean | undefined;
  /** Signs schema 1 manifests. @default a new key */
  readonly trustKey?: (() => Promise<TrustKey>) | undefined;
}

/** How one tag ended. */
export type TagResult =
  | { readonly tag: string; readonly manifest: Manifest; readonly unchanged: boolean }
  | { readonly tag: string; readonly error: Error };

/** Pushes one item to one repository under one or more tags: its content once, then the tags in order, each ending by itself. */
export async function pushTags(
  plan: ItemPlan,
  target: Target,
  options: PushTagsOptions,
): Promise<readonly TagResult[]> {
  const foresight = await foresee(plan, target, options);
  if (options.dryRun) return planTags(plan, target, foresight, options);
  const { manifest, unchangedTags } = foresight;
  if (manifest !== undefined && foresight.inRepository) {
    await pushReferrers(plan, target, options);
    const left = options.tags.filter((tag) => !unchangedTags.has(tag));
    const results = await tagExisting(manifest, left, target, options);
    if (results !== undefined) {
      emitExisting(plan, target, foresight);
      for (const tag of unchangedTags) emitPushed(target, tag, manifest, true);
      for (const result of results)
        if ('manifest' in result) emitPushed(target, result.tag, manifest, result.unchanged);
      const unchanged = [...unchangedTags].map((tag) => ({ tag, manifest, unchanged: true }));
      const all = new Map<string, TagResult>([...unchanged, ...results].map((result) => [result.tag, result]));
      return options.tags.flatMap((tag) => all.get(tag) ?? []);
    }
  }
  const pushed = await pushContent(plan, target, options);
  if (hasReferrers(plan)) {
    // Whoever sees the tag finds the signatures too; and no registry has to take a referrer before its subject.
    await putManifest(pushed.digest, pushed, target, options);
    await pushReferrers(plan, target, options);
  }
  const results: TagResult[] = [];
  for (const tag of options.tags) results.push(await putTag(tag, pushed, plan, target, options));
  if (results.some((result) => 'manifest' in result)) await listAsReferrers([pushed], target, options);
  return results;
}

/** The registry has read the manifest and said no. */
function isRefusal(error: unknown): boolean {
  const answer = registryErrorOf(error);
  return answer?.status !== undefined && answer.status >= 400 && answer.status < 500 && !answer.transient;
}

/** Puts further tags on a manifest that is there; undefined when the registry does not know its blobs after all. */
async function tagExisting(
  manifest: Manifest,
  tags: readonly string[],
  target: Target,
  options: PushTagsOptions,
): Promise<readonly TagResult[] | undefined> {
  const results: TagResult[] = [];
  for (const tag of tags) {
    try {
      const { unchanged } = await putManifest(tag, manifest, target, options);
      results.push({ tag, manifest, unchanged });
    } catch (error) {
      options.signal?.throwIfAborted();
      if (results.length === 0) return undefined; // push the content, then try again: that says what is really wrong
      results.push({ tag, error: asError(error) });
    }
  }
  return results;
}

async function putTag(
  tag: string,
  manifest: Manifest,
  plan: ItemPlan,
  target: Target,
  options: PushTagsOptions,
): Promise<TagResult> {
  try {
    const { unchanged } = await putManifest(tag, manifest, target, options);
    emitPushed(target, tag, manifest, unchanged);
    return { tag, manifest, unchanged };
  } catch (error) {
    options.signal?.throwIfAborted();
    if (plan.kind === 'image' && manifest.mediaType === mediaTypes.dockerManifest && isRefusal(error)) {
      const { afterRefusal } = await import('../legacy/schema1-fallback.ts');
      return await afterRefusal(asError(error), { tag, manifest, plan }, target, options);
    }
    return { tag, error: asError(error) };
  }
}

async function planTags(
  plan: ItemPlan,
  target: Target,
  foresight: Foresight,
  options: PushTagsOptions,
): Promise<readonly TagResult[]> {
  const manifest = await planContent(plan, target, options);
  await planReferrers(plan, target, options);
  const results: TagResult[] = [];
  for (const tag of options.tags) {
    const unchanged = foresight.unchangedTags.has(tag) || (await namesAlready(tag, manifest.digest, target, options));
    const { digest, bytes, mediaType } = manifest;
    const size = bytes.byteLength;
    target.emit({ type: 'manifest:planned', destination: target.destination, tag, digest, size, mediaType, unchanged });
    results.push({ tag, manifest, unchanged });
  }
  return results;
}

async function namesAlready(
  tag: string,
  digest: Digest,
  target: Target,
  { signal }: PushTagsOptions,
): Promise<boolean> {
  const stat = await target.repository.statManifest(tag, { signal }).catch((error: unknown) => {
    throw pushFailure(tag, { op: 'plan', origin: 'destination', cause: error });
  });
  return stat?.digest === digest;
}

function emitExisting(plan: ItemPlan, target: Target, { known }: Foresight): void {
  if (plan.kind === 'index') {
    for (const child of plan.children) emitExisting(child, target, { known } as Foresight);
    return;
  }
  const blobs = plan.kind === 'image' ? [...plan.layers.toReversed(), plan.config] : plan.blobs;
  for (const blob of distinctBlobs(blobs)) {
    const identity = known.get(blob.key) ?? blob.fixed;
    const subject = subjectOf(blob, target.destination);
    if (identity === undefined) target.emit({ type: 'blob:skipped', blob: subject, reason: 'foreign' });
    else
      target.emit({
        type: 'blob:existed',
        blob: subject,
        ...identity,
        learnt: blob.recordKey !== undefined && target.learnt.has(blob.recordKey),
      });
  }
}

function asError(error: unknown): Error {
  return error instanceof Error
    ? error
    : new PushError('ERR_PUSH_FAILED', String(error), { op: 'push manifest', origin: 'destination' });
}
