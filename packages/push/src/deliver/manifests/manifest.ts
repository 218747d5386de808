import type { Digest } from '@slipway/digest';
import type { PutManifestResult } from '@slipway/registry-client';
import { retrying, systemClock, tellRetries } from '@slipway/transfer';
import { pushFailure } from '../../errors.ts';
import type { Manifest } from '../../plan/plan-types.ts';
import { namesManifest } from '../../presence/existence.ts';
import { type Target, warn } from '../../presence/target.ts';
import { tracer } from '../../tracer.ts';
import { destinationErrorOf, isManifestRetryable } from '../../upload/retry-rules.ts';
import { untilStored } from '../../upload/until-stored.ts';
import type { Delivery } from '../delivery.ts';
import { confirmManifest } from './confirm.ts';
import { refusedForGood } from './refused-for-good.ts';
import { subjectOf } from './subjects.ts';

/** Replicas of a registry may be a moment behind: so long a manifest waits for blobs that were sent a moment ago. */
const replicaWaitsMs: readonly number[] = [1_000, 5_000];

/** How a registry says that it lacks what a manifest names: blobs, or the children of an index. */
const missingCodes: ReadonlySet<string> = new Set(['MANIFEST_BLOB_UNKNOWN', 'BLOB_UNKNOWN', 'MANIFEST_UNKNOWN']);

export interface DeliverManifestOptions {
  /** Sends what the registry lacks after all, without asking whether it is there; without names, everything. */
  readonly resend: (missing: ReadonlySet<Digest>) => Promise<unknown>;
}

/**
 * Puts a manifest under a tag or its digest, and makes sure that the registry has it. Where the registry refuses it for
 * want of blobs, these are waited for if this push has sent some, and then sent again: those that it names, then all.
 *
 * @returns whether the registry refused to move the tag because it names this very manifest already
 * @throws {PushError} ERR_PUSH_FAILED when the registry refuses it, ERR_PUSH_NOT_SEEN when it took it and does not show
 * it
 */
export async function deliverManifest(
  tagOrDigest: string,
  manifest: Manifest,
  target: Target,
  delivery: Delivery,
  options: DeliverManifestOptions,
): Promise<{ readonly unchanged: boolean }> {
  const { digest, mediaType, bytes } = manifest;
  const attributes = {
    'slipway.repository': target.name,
    'slipway.tag': tagOrDigest === digest ? undefined : tagOrDigest,
    'slipway.digest': digest,
    'slipway.media_type': mediaType,
    'slipway.size': bytes.byteLength,
  };
  return await tracer.span('push manifest', { attributes }, async (span) => {
    const { unchanged } = await deliverSeen(tagOrDigest, manifest, target, delivery, options);
    span.set({ 'slipway.reason': unchanged ? 'exists' : 'sent' });
    return { unchanged };
  });
}

async function deliverSeen(
  tagOrDigest: string,
  manifest: Manifest,
  target: Target,
  delivery: Delivery,
  { resend }: DeliverManifestOptions,
): Promise<{ readonly unchanged: boolean }> {
  const { signal } = delivery.scope;
  const { clock = systemClock } = delivery.retry;
  /** What was sent again so far: nothing, what the registry named, everything. */
  let resent: 'nothing' | 'named' | 'all' = 'nothing';
  let waits = 0;
  for (;;) {
    try {
      return await putSeen(tagOrDigest, manifest, target, delivery);
    } catch (error) {
      signal.throwIfAborted();
      const missing = missingIn(error, manifest);
      const isForGood = refusedForGood(error, tagOrDigest, manifest) !== undefined;
      if (missing === undefined || resent === 'all' || isForGood) throw error;
      const waitMs = target.presence.mayBeOnItsWay(missing) ? replicaWaitsMs[waits] : undefined;
      if (waitMs !== undefined) {
        waits += 1;
        warn(
          target,
          'manifest-retry',
          `${describe(target, missing)} yet: manifest ${tagOrDigest} waits ${waitMs / 1000} s`,
        );
        await clock.sleep(waitMs, { signal });
        continue;
      }
      // Registries name the first that is missing, not all: when that was not enough, nothing is believed any more.
      const lost: ReadonlySet<Digest> = resent === 'nothing' ? missing : new Set<Digest>();
      warn(target, 'blobs-lost', `${describe(target, missing)}, though it said that it has: sent again`);
      target.presence.lost(lost);
      await resend(lost);
      resent = lost.size > 0 ? 'named' : 'all';
    }
  }
}

/**
 * Puts a manifest under a tag or its digest, and makes sure that the registry has it.
 *
 * @returns whether the registry refused to move the tag because it names this very manifest already
 */
export async function putSeen(
  tagOrDigest: string,
  manifest: Manifest,
  target: Target,
  delivery: Delivery,
): Promise<{ readonly unchanged: boolean }> {
  const { scope, retry } = delivery;
  const { answer } = await putManifest(tagOrDigest, manifest, target, delivery);
  if (answer === undefined) return { unchanged: true };
  // A push ends with its tag: what it has noted is written while the registry shows it.
  const keeping = tagOrDigest === manifest.digest ? undefined : target.memory.settled();
  await Promise.all([confirmManifest(tagOrDigest, manifest, answer, target, { signal: scope.signal, retry }), keeping]);
  return { unchanged: false };
}

/**
 * Puts a manifest under a tag or its digest, retried like a blob.
 *
 * @returns what the registry answered; nothing when it refuses to move a tag that names this very manifest already
 */
async function putManifest(
  tagOrDigest: string,
  manifest: Manifest,
  target: Target,
  { retry, scope: { signal } }: Delivery,
): Promise<{ readonly answer: PutManifestResult | undefined }> {
  const { mediaType, bytes, digest } = manifest;
  try {
    const answer = await retrying(
      () =>
        untilStored(
          (onBodySent) => target.repository.putManifest(tagOrDigest, bytes, { mediaType, digest, signal, onBodySent }),
          (seconds) => emitStoring(target, tagOrDigest, manifest, seconds),
        ),
      {
        ...retry,
        signal,
        host: target.repository.registry,
        isTransient: (error) =>
          isManifestRetryable(error) && refusedForGood(error, tagOrDigest, manifest) === undefined,
        onRetry: tellRetries(`manifest ${tagOrDigest}`, (message) => warn(target, 'manifest-retry', message)),
      },
    );
    if (answer.subject !== undefined && answer.subject === subjectOf(manifest)) target.presence.noteListed(digest);
    return { answer };
  } catch (error) {
    signal.throwIfAborted();
    // An immutable tag that already names this manifest is what was wanted (moby/buildkit#3776,
    // aws/containers-roadmap#2380).
    const status = destinationErrorOf(error)?.status ?? 0;
    const isRefused = status >= 400 && status < 500 && missingIn(error, manifest) === undefined;
    if (isRefused && (await namesManifest(tagOrDigest, manifest, target, { signal }))) return { answer: undefined };
    throw pushFailure(`${tagOrDigest} to ${target.destination}`, {
      op: 'push manifest',
      origin: 'destination',
      descriptor: { mediaType, digest, size: bytes.byteLength },
      hint: refusedForGood(error, tagOrDigest, manifest),
      cause: error,
    });
  }
}

function emitStoring(
  { emit, destination, repository }: Target,
  tagOrDigest: string,
  { digest }: Manifest,
  seconds: number,
): void {
  const tag = tagOrDigest === digest ? undefined : tagOrDigest;
  emit({ type: 'manifest:storing', destination, tag, digest, registry: repository.registry, seconds });
}

/** Tells that a manifest is in place. */
export function emitPushed(
  { emit, destination }: Target,
  tag: string | undefined,
  { digest, bytes, mediaType }: Manifest,
  unchanged: boolean,
): void {
  emit({ type: 'manifest:pushed', destination, tag, digest, size: bytes.byteLength, mediaType, unchanged });
}

/**
 * Digests that the registry said it lacks: those that it named, and that the manifest names too. Empty when it named
 * none. Undefined when it refused the manifest for another reason.
 */
function missingIn(error: unknown, manifest: Manifest): ReadonlySet<Digest> | undefined {
  const diagnostics = destinationErrorOf(error)?.diagnostics.filter(({ code }) => missingCodes.has(code)) ?? [];
  if (diagnostics.length === 0) return undefined;
  const said = diagnostics.map(({ message, detail }) => `${message} ${JSON.stringify(detail) ?? ''}`).join(' ');
  const named = said.match(/\bsha(?:256:[0-9a-f]{64}|512:[0-9a-f]{128})\b/g) ?? [];
  const document = new TextDecoder().decode(manifest.bytes);
  return new Set(named.filter((digest) => document.includes(digest)) as Digest[]);
}

function describe(target: Target, missing: ReadonlySet<Digest>): string {
  const what = missing.size === 0 ? 'blobs of the manifest' : [...missing].join(', ');
  return `${target.repository.registry} does not have ${what}`;
}
