import type { AbortOptions, Digest } from '@slipway/digest';
import type { PutManifestResult, Repository } from '@slipway/registry-client';
import { retrying, systemClock, tellRetries } from '@slipway/transfer';
import { codeOf } from '../../error-code.ts';
import { PushError } from '../../errors.ts';
import type { Manifest } from '../../plan/plan-types.ts';
import { isDigestOf } from '../../plan/root-digest.ts';
import { type Target, warn } from '../../presence/target.ts';
import { destinationErrorOf, isBusy, isTransient } from '../../upload/retry-rules.ts';
import type { DeliveryRetry } from '../delivery.ts';
import { seenOtherwise } from './seen-otherwise.ts';

/** A registry of several replicas may show a manifest a moment after it has taken it. */
const looksAfterMs: readonly number[] = [1_000];
/** Where it has said plainly that it has the manifest, that moment may be longer. */
const patientLooksAfterMs: readonly number[] = [1_000, 2_000, 5_000];

/** Failed looks at a manifest after which another sight of it will do: waiting for the first may take minutes. */
const looksBeforeOthers = 2;

export interface ConfirmOptions extends AbortOptions {
  /** How a look that fails is taken again. */
  readonly retry: DeliveryRetry;
}

/** What a look at a manifest shows: its digest, nothing, or that whoever looks may not see it. */
type Shown = Digest | 'forbidden' | undefined;

/**
 * Makes sure that a manifest that the registry took is there: its tag or digest is looked at. Where another push has
 * moved the tag since, the manifest is there by its digest.
 *
 * @throws {PushError} ERR_PUSH_NOT_SEEN when the registry does not show the manifest, shows another one, has named
 * another one in its answer, or fails at the question and shows nothing else of it
 */
export async function confirmManifest(
  tagOrDigest: string,
  manifest: Manifest,
  answer: PutManifestResult,
  target: Target,
  { signal, retry }: ConfirmOptions,
): Promise<void> {
  const { clock = systemClock, attempts = looksBeforeOthers } = retry;
  const isFullAnswer = answer.status === 201 && isDigestOf(answer.digest, manifest);
  const look = async (reference: string): Promise<Shown> => {
    let failures = 0;
    const lookOnce = async (): Promise<Shown> => {
      try {
        // Whoever names a digest may not have the bytes: after half an answer they are asked for.
        return await lookAt(reference, target.repository, { signal, byBytes: !isFullAnswer });
      } catch (error) {
        signal?.throwIfAborted();
        failures += 1;
        const isWorthAnother = mayPass(error) && failures < Math.min(looksBeforeOthers, attempts);
        if (!isFullAnswer || isWorthAnother) throw error;
        const limited = isRateLimit(error) ? 'the registry limits who reads' : undefined;
        const known = limited ?? (await seenOtherwise(reference, manifest, target, { signal }));
        if (known === undefined) throw error;
        const why = error instanceof Error ? error.message : String(error);
        warn(target, 'manifest-unseen', `${tagOrDigest} was taken, and cannot be looked at; ${known}: ${why}`);
        return 'forbidden';
      }
    };
    try {
      return await lookUntilTold(lookOnce, reference, target, { signal, retry });
    } catch (error) {
      signal?.throwIfAborted();
      throw notTold(tagOrDigest, manifest, answer, error, target);
    }
  };
  const waitsMs = [...(isFullAnswer ? patientLooksAfterMs : looksAfterMs)];
  for (;;) {
    const shown = await look(tagOrDigest);
    if (isDigestOf(shown, manifest)) {
      if (answer.digest === undefined || isDigestOf(answer.digest, manifest)) return;
      throw contradicted(tagOrDigest, manifest, answer.digest, target);
    }
    // Credentials that may write and not read: the registry's word is all there is, and it is a full one.
    if (shown === 'forbidden' && isFullAnswer) return;
    const isOther = shown !== undefined && shown !== 'forbidden';
    if (isOther && isFullAnswer && isDigestOf(await look(manifest.digest), manifest)) {
      const seen = `${manifest.digest} is there by digest`;
      const message = `${tagOrDigest} names ${shown} now: another push has moved it; ${seen}`;
      warn(target, 'tag-moved', message);
      return;
    }
    const isFinal = shown !== undefined && !isFullAnswer;
    const waitMs = isFinal ? undefined : waitsMs.shift();
    if (waitMs === undefined) throw notSeen(tagOrDigest, manifest, answer, shown, target);
    await clock.sleep(waitMs, { signal });
  }
}

/** A registry that is out of reach, or has trouble of its own, has said nothing yet: it is asked again. */
async function lookUntilTold(
  lookOnce: () => Promise<Shown>,
  reference: string,
  target: Target,
  { signal, retry }: ConfirmOptions,
): Promise<Shown> {
  return await retrying(lookOnce, {
    ...retry,
    signal,
    host: target.repository.registry,
    isTransient: mayPass,
    onRetry: tellRetries(`look at manifest ${reference}`, (message) => warn(target, 'manifest-retry', message)),
  });
}

function mayPass(error: unknown): boolean {
  return isTransient(error) || isBusy(error);
}

async function lookAt(
  reference: string,
  repository: Repository,
  { signal, byBytes }: AbortOptions & { readonly byBytes: boolean },
): Promise<Shown> {
  if (!byBytes) {
    try {
      const stat = await repository.statManifest(reference, { signal });
      if (stat === undefined) return undefined;
      if (stat.digest !== undefined) return stat.digest;
    } catch (error) {
      signal?.throwIfAborted();
      const { status, reason } = destinationErrorOf(error) ?? {};
      const mayBeRead = status !== undefined || reason === 'timeout';
      if (!mayBeRead || codeOf(error) === 'ERR_REGISTRY_PROTOCOL' || isRateLimit(error)) throw error;
    }
    // Some registries refuse HEAD, are slow to answer it, or leave the digest out: the bytes themselves tell.
  }
  try {
    return (await repository.getManifest(reference, { signal }))?.digest;
  } catch (error) {
    signal?.throwIfAborted();
    if (isForbidden(error)) return 'forbidden';
    throw error;
  }
}

/** Whoever looks may not read here. A storage behind the registry that refuses says nothing of that. */
function isForbidden(error: unknown): boolean {
  const refusal = destinationErrorOf(error);
  if (refusal === undefined || refusal.reason === 'storage') return false;
  return refusal.code === 'ERR_REGISTRY_UNAUTHORIZED' || refusal.code === 'ERR_REGISTRY_DENIED';
}

/** Registries count who reads: a limit on that is no word about what was written. */
function isRateLimit(error: unknown): boolean {
  return destinationErrorOf(error)?.status === 429;
}

/** It shows what was sent, and has said that it stores something else: which of both others will get is not known. */
function contradicted(tagOrDigest: string, manifest: Manifest, answered: Digest, target: Target): PushError {
  const { registry } = target.repository;
  const { digest } = manifest;
  const told = `${registry} stored manifest ${tagOrDigest} as ${answered} by its answer, and shows ${digest}`;
  return unconfirmed(manifest, target, {
    told,
    hint:
      'the tag has moved; the registry, or a proxy before it, may rewrite manifests: pull by the digest to ' +
      'see which one it has',
  });
}

/** The registry answers the question with a failure, or not at all. */
function notTold(
  tagOrDigest: string,
  manifest: Manifest,
  { status }: PutManifestResult,
  cause: unknown,
  target: Target,
): PushError {
  const why = cause instanceof Error ? cause.message : String(cause);
  return unconfirmed(manifest, target, {
    told: `${target.repository.registry} answered ${status} to manifest ${tagOrDigest}, and does not show it: ${why}`,
    hint: destinationErrorOf(cause)?.hint || 'push again once the registry answers: what is there is not sent again',
    cause,
  });
}

function notSeen(
  tagOrDigest: string,
  manifest: Manifest,
  { status, digest: answered }: PutManifestResult,
  shown: Shown,
  target: Target,
): PushError {
  const { digest } = manifest;
  const answer = `${target.repository.registry} answered ${status} to manifest ${tagOrDigest}`;
  if (shown === undefined) {
    const hint =
      answered === digest
        ? 'its replicas may be behind: look at the tag in a while; or its cache is stale after a garbage ' +
          'collection: restart the registry, then push again'
        : 'something else may answer in its place: check the address and the proxies on the way';
    return unconfirmed(manifest, target, { told: `${answer}, and does not have it`, hint });
  }
  if (shown === 'forbidden') {
    const hint = 'a registry answers 201 with a digest: check the address';
    return unconfirmed(manifest, target, { told: `${answer}, and does not let it be read`, hint });
  }
  const hint = 'the registry, or another push, has changed the tag: it may name something else now';
  return unconfirmed(manifest, target, { told: `${answer}, and shows ${shown} where ${digest} was sent`, hint });
}

interface Unconfirmed {
  readonly told: string;
  readonly hint: string;
  readonly cause?: unknown;
}

function unconfirmed(
  { digest, mediaType, bytes }: Manifest,
  { destination }: Target,
  { told, ...why }: Unconfirmed,
): PushError {
  return new PushError('ERR_PUSH_NOT_SEEN', `Could not confirm ${destination}: ${told}`, {
    op: 'confirm',
    origin: 'destination',
    descriptor: { digest, mediaType, size: bytes.byteLength },
    ...why,
  });
}
