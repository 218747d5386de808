import type { Digest } from '@slipway/digest';
import {
  type Descriptor,
  isIndexMediaType,
  isManifestMediaType,
  type OciManifest,
  rereadManifest,
} from '@slipway/manifest';
import { ensureReferrers, referrersTag } from '@slipway/registry-client';
import { retrying, tellRetries } from '@slipway/transfer';
import { failureTo, PushError } from '../../errors.ts';
import type { ItemPlan, Manifest } from '../../plan/plan-types.ts';
import { type Target, warn } from '../../presence/target.ts';
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
  const { destination } = target;
  if (!requireSubject) {
    const message = `${destination} does not have ${subject}, which ${manifest.digest} is about`;
    warn(target, 'subject-missing', message);
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

/**
 * Sees to it that the registry lists manifests, which it has, as referrers of their subjects; where it does not, that
 * is told. A manifest without a subject needs nothing.
 */
export async function listAsReferrers(
  manifests: readonly Manifest[],
  target: Target,
  delivery: Delivery,
): Promise<void> {
  for (const { message } of await notListed(manifests, target, delivery)) warn(target, 'referrer-not-listed', message);
}

/**
 * The same for whoever pushes a manifest so that it is found by its subject.
 *
 * @returns why the registry does not list them, by subject; empty where it does
 */
export async function notListed(
  manifests: readonly Manifest[],
  target: Target,
  delivery: Delivery,
): Promise<readonly PushError[]> {
  const bySubject = new Map<Digest, Descriptor[]>();
  for (const manifest of manifests) {
    const subject = target.presence.listsByItself(manifest.digest) ? undefined : subjectOf(manifest);
    if (subject !== undefined) bySubject.set(subject, [...(bySubject.get(subject) ?? []), referrerOf(manifest)]);
  }
  const failures: PushError[] = [];
  for (const [subject, referrers] of bySubject) {
    const failure = await listOne(subject, referrers, target, delivery);
    if (failure !== undefined) failures.push(failure);
  }
  return failures;
}

async function listOne(
  subject: Digest,
  referrers: readonly Descriptor[],
  target: Target,
  { retry, scope: { signal } }: Delivery,
): Promise<PushError | undefined> {
  const { repository, destination } = target;
  const { registry } = repository;
  const what = referrers.map(({ digest }) => digest).join(', ');
  let cause: unknown;
  try {
    const isListed = await retrying(() => ensureReferrers(repository, subject, referrers, { signal }), {
      ...retry,
      signal,
      host: registry,
      isTransient: isManifestRetryable,
      onRetry: tellRetries(`referrers of ${subject}`, (message) => warn(target, 'manifest-retry', message)),
    });
    if (isListed) return undefined;
    cause = new Error(`${registry} has no referrers API, and takes the tag ${referrersTag(subject)} for the subject`);
  } catch (error) {
    signal.throwIfAborted();
    cause = error;
  }
  return failureTo(`have ${destination} list ${what} as a referrer of ${subject}`, {
    op: 'push manifest',
    origin: 'destination',
    descriptor: { digest: subject },
    hint: 'it is stored there, under its digest, and found by nobody who asks for what refers to its subject',
    cause,
  });
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
