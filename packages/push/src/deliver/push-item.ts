import { type AbortOptions, algorithmOf } from '@slipway/digest';
import { RegistryError } from '@slipway/registry-client';
import { type RetryNotice, retrying } from '@slipway/transfer';
import { pushFailure } from '../errors.ts';
import type { BlobIdentity } from '../form/form.ts';
import type { BlobToPush } from '../plan/blob-to-push.ts';
import type { ImagePlan, LayerDescriptor } from '../plan/image-plan.ts';
import type { IndexPlan, ItemPlan, Manifest } from '../plan/plan.ts';
import type { BlobOutcome, Target } from '../presence/target.ts';
import { isManifestRetryable, registryErrorOf } from '../upload/retry-rules.ts';
import { type PushBlobsOptions, pushBlobs } from './push-blobs.ts';

/**
 * Brings everything a manifest names into the repository, children before parents, and returns the manifest.
 * The manifest itself is not sent: whoever asked puts it under a tag, or under its digest.
 */
export async function pushContent(plan: ItemPlan, target: Target, options: PushBlobsOptions): Promise<Manifest> {
  switch (plan.kind) {
    case 'image': {
      const outcomes = await pushBlobs([...plan.layers.toReversed(), plan.config], target, options);
      return plan.assemble(plan.layers.map((blob) => layerDescriptor(blob, outcomes.get(blob.key))));
    }
    case 'artifact':
      await pushBlobs(plan.blobs, target, options);
      return plan.verbatim;
    case 'index':
      return pushIndexContent(plan, target, options);
    default:
      return plan satisfies never;
  }
}

async function pushIndexContent(plan: IndexPlan, target: Target, options: PushBlobsOptions): Promise<Manifest> {
  const children = await Promise.all(
    plan.children.map(async (child) => {
      const known = child.verbatim;
      if (known !== undefined && (await namesManifest(known.digest, known, target, options))) return known;
      const manifest = await pushContent(child, target, options);
      await putManifest(manifest.digest, manifest, target, options);
      emitPushed(target, undefined, manifest, false);
      return manifest;
    }),
  );
  return plan.assemble(children);
}

/** Whether a tag or a digest names this very manifest at the destination, as far as the registry says. */
export async function namesManifest(
  tagOrDigest: string,
  { digest }: Manifest,
  target: Target,
  { signal }: AbortOptions,
): Promise<boolean> {
  const stat = await target.repository.statManifest(tagOrDigest, { signal }).catch(() => undefined);
  signal?.throwIfAborted();
  return stat?.digest === digest;
}

/**
 * Puts a manifest under a tag or its digest, retried like a blob.
 *
 * @returns whether the registry refused to move the tag because it names this very manifest already
 */
export async function putManifest(
  tagOrDigest: string,
  manifest: Manifest,
  target: Target,
  { retry, signal }: PushBlobsOptions,
): Promise<{ readonly unchanged: boolean }> {
  const { mediaType, bytes, digest } = manifest;
  try {
    const put = async (): Promise<void> => {
      const { status, digest: stored } = await target.repository.putManifest(tagOrDigest, bytes, { mediaType, signal });
      if (stored === undefined || stored === digest || algorithmOf(stored) !== algorithmOf(digest)) return;
      const message = `the registry answered with another digest: expected ${digest}, got ${stored}`;
      throw new RegistryError(message, { code: 'ERR_REGISTRY_PROTOCOL', status });
    };
    await retrying(put, {
      ...retry,
      signal,
      host: target.repository.registry,
      isTransient: isManifestRetryable,
      onRetry: onceAnAttempt(({ attempt, seconds, cause }) =>
        target.emit({
          type: 'warning',
          destination: target.destination,
          code: 'manifest-retry',
          message: `manifest ${tagOrDigest}: retry ${attempt} in ${seconds} s: ${cause.message}`,
        }),
      ),
    });
    return { unchanged: false };
  } catch (error) {
    signal?.throwIfAborted();
    // An immutable tag that already names this manifest is what was wanted (moby/buildkit#3776, aws/containers-roadmap#2380).
    const status = registryErrorOf(error)?.status ?? 0;
    if (status >= 400 && status < 500) {
      const stat = await target.repository.statManifest(tagOrDigest, { signal }).catch(() => undefined);
      if (stat?.digest === digest) return { unchanged: true };
    }
    throw pushFailure(`${tagOrDigest} to ${target.destination}`, {
      op: 'push manifest',
      origin: 'destination',
      descriptor: { mediaType, digest, size: bytes.byteLength },
      cause: error,
    });
  }
}

/** Tells the first notice of each wait, which counts down once a second. */
function onceAnAttempt(tell: (notice: RetryNotice) => void): (notice: RetryNotice) => void {
  let told = -1;
  return (notice) => {
    if (notice.attempt !== told) tell(notice);
    told = notice.attempt;
  };
}

export function emitPushed(
  target: Target,
  tag: string | undefined,
  { digest, bytes, mediaType }: Manifest,
  unchanged: boolean,
): void {
  target.emit({
    type: 'manifest:pushed',
    destination: target.destination,
    tag,
    digest,
    size: bytes.byteLength,
    mediaType,
    unchanged,
  });
}

function layerDescriptor(blob: BlobToPush, outcome: BlobOutcome | undefined): LayerDescriptor {
  if (outcome === undefined) throw new Error('unreachable: every layer has an outcome');
  if (outcome.kind !== 'skipped') return outcome.identity;
  if (blob.foreign === undefined) throw new Error('unreachable: only foreign layers are skipped');
  return { foreign: blob.foreign };
}

/** The manifest an image will have if what is known of its layers is right; undefined when something is not known. */
export function predictManifest(
  plan: ImagePlan,
  known: ReadonlyMap<string, BlobIdentity>,
  target: Target,
): Manifest | undefined {
  if (plan.verbatim !== undefined) return plan.verbatim;
  const layers: LayerDescriptor[] = [];
  for (const blob of plan.layers) {
    const identity = known.get(blob.key);
    if (blob.foreign !== undefined && !target.allowNondistributable) layers.push({ foreign: blob.foreign });
    else if (identity === undefined) return undefined;
    else layers.push(identity);
  }
  return plan.assemble(layers);
}
