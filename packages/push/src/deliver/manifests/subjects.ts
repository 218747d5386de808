import type { Digest } from '@slipway/digest';
import { type Descriptor, isIndexMediaType, isManifestMediaType, type OciManifest } from '@slipway/manifest';
import { ensureReferrers } from '@slipway/registry-client';
import { retrying } from '@slipway/transfer';
import { PushError, pushFailure } from '../../errors.ts';
import type { ItemPlan, Manifest } from '../../plan/plan-types.ts';
import { rereadManifest } from '../../plan/reread-manifest.ts';
import type { Target } from '../../presence/target.ts';
import { isManifestRetryable } from '../../upload/retry-rules.ts';
import type { Delivery } from '../delivery.ts';

/**
 * Refuses, or tells of, a manifest about another one that its repository does not have: nobody would find it there. A
 * registry that does not say whether it has that other one is believed to.
 *
 * @throws {PushError} `ERR_PUSH_NO_SUBJECT` when the subject has to be there
 */
export async function lookForSubject(
  plan: ItemPlan,
  target: Target,
  { scope: { signal }, requireSubject }: Delivery & { readonly requireSubject: boolean },
): Promise<void> {
  const manifest = plan.verbatim;
  const subject = manifest && subjectOf(manifest);
  if (manifest === undefined || subject === undefined || holds(plan, subject)) return;
  const isMissing = await target
    .ask(async (repository) => (await repository.statManifest(subject, { signal })) === undefined, { signal })
    .catch(() => false);
  signal.throwIfAborted();
  if (!isMissing) return;
  const { destination, emit } = target;
  if (!requireSubject) {
    const message = `${destination} does not have ${subject}, which ${manifest.digest} is about`;
    emit({ type: 'warning', destination, code: 'subject-missing', message });
    return;
  }
  throw new PushError(
    'ERR_PUSH_NO_SUBJECT',
    `Could not push to ${destination}: it does not have the subject ${subject}`,
    {
      op: 'plan',
      origin: 'destination',
      descriptor: { digest: subject },
      hint: 'push the subject there first: an artifact is found in the repository of what it is about',
    },
  );
}

/** Sees to it that the registry lists manifests as referrers of their subjects; one without a subject needs nothing. */
export async function listAsReferrers(
  manifests: readonly Manifest[],
  target: Target,
  { retry, scope: { signal } }: Delivery,
): Promise<void> {
  const bySubject = new Map<Digest, Descriptor[]>();
  for (const manifest of manifests) {
    const subject = subjectOf(manifest);
    if (subject !== undefined) bySubject.set(subject, [...(bySubject.get(subject) ?? []), referrerOf(manifest)]);
  }
  for (const [subject, descriptors] of bySubject) {
    try {
      await retrying(() => ensureReferrers(target.repository, subject, descriptors, { signal }), {
        ...retry,
        signal,
        host: target.repository.registry,
        isTransient: isManifestRetryable,
      });
    } catch (error) {
      signal.throwIfAborted();
      throw pushFailure(`referrers of ${subject} to ${target.destination}`, {
        op: 'push manifest',
        origin: 'destination',
        descriptor: { digest: subject },
        cause: error,
      });
    }
  }
}

/** The manifest that this one is about. */
export function subjectOf(manifest: Manifest): Digest | undefined {
  if (!isIndexMediaType(manifest.mediaType) && !isManifestMediaType(manifest.mediaType)) return undefined;
  return partsOf(manifest).subject?.digest;
}

/** @see https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#listing-referrers */
function referrerOf(manifest: Manifest): Descriptor {
  const { mediaType, digest, bytes } = manifest;
  const { artifactType, annotations, config } = partsOf(manifest);
  const type = artifactType || config?.mediaType;
  return {
    mediaType,
    digest,
    size: bytes.byteLength,
    ...(type !== undefined && { artifactType: type }),
    ...(annotations && { annotations }),
  };
}

/** Whether an index has the manifest among its entries, at any depth. */
function holds(plan: ItemPlan, digest: Digest): boolean {
  if (plan.kind !== 'index') return false;
  return plan.children.some((child) => child.verbatim?.digest === digest || holds(child, digest));
}

function partsOf({ mediaType, bytes }: Manifest): Partial<OciManifest> {
  return rereadManifest({ bytes, mediaType }) as Partial<OciManifest>;
}
