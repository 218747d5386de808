import type { AbortOptions, Digest } from '@slipway/digest';
import type { PutManifestResult } from '@slipway/registry-client';
import type { Clock } from '@slipway/transfer';
import { codeOf } from '../../error-code.ts';
import { PushError, pushFailure } from '../../errors.ts';
import type { Manifest } from '../../plan/plan-types.ts';
import { isDigestOf } from '../../plan/root-digest.ts';
import type { Target } from '../../presence/target.ts';

/** A registry of several replicas may show a manifest a moment after it has taken it. */
const looksAfterMs: readonly number[] = [1_000];
/** Where it has said plainly that it has the manifest, that moment may be longer. */
const patientLooksAfterMs: readonly number[] = [1_000, 2_000, 5_000];

/**
 * Makes sure that a manifest that the registry took is there: its tag or digest is looked at. Where another push has
 * moved the tag since, the manifest is there by its digest.
 *
 * @throws {PushError} ERR_PUSH_NOT_SEEN when the registry does not show the manifest, shows another one, or has
 * named another one in its answer
 */
export async function confirmManifest(
  tagOrDigest: string,
  manifest: Manifest,
  answer: PutManifestResult,
  target: Target,
  { signal, clock }: AbortOptions & { readonly clock: Clock },
): Promise<void> {
  const isFullAnswer = answer.status === 201 && isDigestOf(answer.digest, manifest);
  // Whoever names a digest may not have the bytes: after half an answer they are asked for.
  const look = (reference: string): Promise<Digest | 'refused' | undefined> =>
    lookAt(reference, target, { signal, byBytes: !isFullAnswer });
  const waitsMs = [...(isFullAnswer ? patientLooksAfterMs : looksAfterMs)];
  for (;;) {
    const shown = await look(tagOrDigest);
    if (isDigestOf(shown, manifest)) {
      if (answer.digest === undefined || isDigestOf(answer.digest, manifest)) return;
      throw contradicted(tagOrDigest, manifest, answer.digest, target);
    }
    // Credentials that may write and not read: the registry's word is all there is, and it is a full one.
    if (shown === 'refused' && isFullAnswer) return;
    const isOther = shown !== undefined && shown !== 'refused';
    if (isOther && isFullAnswer && isDigestOf(await look(manifest.digest), manifest)) {
      const seen = `${manifest.digest} is there by digest`;
      const message = `${tagOrDigest} names ${shown} now: another push has moved it; ${seen}`;
      target.emit({ type: 'warning', destination: target.destination, code: 'tag-moved', message });
      return;
    }
    const isFinal = shown !== undefined && !isFullAnswer;
    const waitMs = isFinal ? undefined : waitsMs.shift();
    if (waitMs === undefined) throw notSeen(tagOrDigest, manifest, answer, shown, target);
    await clock.sleep(waitMs, { signal });
  }
}

/** The digest that the registry shows; undefined when it has nothing there, 'refused' when it does not say. */
async function lookAt(
  tagOrDigest: string,
  target: Target,
  { signal, byBytes }: AbortOptions & { readonly byBytes: boolean },
): Promise<Digest | 'refused' | undefined> {
  if (!byBytes) {
    const stat = await target
      .ask((repository) => repository.statManifest(tagOrDigest, { signal }), { signal })
      .catch((error: unknown) => orProtocolError(error, tagOrDigest, target, signal));
    if (stat === undefined) return undefined;
    if (stat !== 'refused' && stat.digest !== undefined) return stat.digest;
    // Some registries refuse HEAD, or answer it without a digest: the bytes themselves tell.
  }
  const content = await target
    .ask((repository) => repository.getManifest(tagOrDigest, { signal }), { signal })
    .catch((error: unknown) => orProtocolError(error, tagOrDigest, target, signal));
  return content === 'refused' ? 'refused' : content?.digest;
}

/** What answers like no registry has not taken the image; any other failure says nothing. */
function orProtocolError(
  error: unknown,
  tagOrDigest: string,
  target: Target,
  signal: AbortSignal | undefined,
): 'refused' {
  signal?.throwIfAborted();
  if (codeOf(error) !== 'ERR_REGISTRY_PROTOCOL') return 'refused';
  throw pushFailure(`${tagOrDigest} at ${target.destination}`, { op: 'confirm', origin: 'destination', cause: error });
}

/** It shows what was sent, and has said that it stores something else: which of both others will get is not known. */
function contradicted(
  tagOrDigest: string,
  { digest, mediaType, bytes }: Manifest,
  answered: Digest,
  { destination, repository }: Target,
): PushError {
  const { registry } = repository;
  const told = `${registry} stored manifest ${tagOrDigest} as ${answered} by its answer, and shows ${digest}`;
  return new PushError('ERR_PUSH_NOT_SEEN', `Could not confirm ${destination}: ${told}`, {
    op: 'confirm',
    origin: 'destination',
    descriptor: { digest, mediaType, size: bytes.byteLength },
    hint:
      'the tag has moved; the registry, or a proxy before it, may rewrite manifests: pull by the digest to ' +
      'see which one it has',
  });
}

function notSeen(
  tagOrDigest: string,
  { digest, mediaType, bytes }: Manifest,
  { status, digest: answered }: PutManifestResult,
  shown: Digest | 'refused' | undefined,
  { destination, repository }: Target,
): PushError {
  const told = `${repository.registry} answered ${status} to manifest ${tagOrDigest}`;
  const [message, hint] =
    shown === undefined
      ? [
          `${told}, and does not have it`,
          answered === digest
            ? 'its replicas may be behind: look at the tag in a while; or its cache is stale after a garbage ' +
              'collection: restart the registry, then push again'
            : 'something else may answer in its place: check the address and the proxies on the way',
        ]
      : shown === 'refused'
        ? [`${told}, and does not say whether it has it`, 'a registry answers 201 with a digest: check the address']
        : [
            `${told}, and shows ${shown} where ${digest} was sent`,
            'the registry, or another push, has changed the tag: it may name something else now',
          ];
  return new PushError('ERR_PUSH_NOT_SEEN', `Could not confirm ${destination}: ${message}`, {
    op: 'confirm',
    origin: 'destination',
    descriptor: { digest, mediaType, size: bytes.byteLength },
    hint,
  });
}
