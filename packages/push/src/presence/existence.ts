import type { AbortOptions, Digest } from '@slipway/digest';
import { existenceCandidates, hmacMatches, type LayerRecord } from '@slipway/metadata-store';
import type { BlobStat } from '@slipway/registry-client';
import { type ProvenIdentity, provenByRecord } from '../knowledge.ts';
import type { BlobToPush } from '../plan/blob-to-push.ts';
import type { Manifest } from '../plan/plan-types.ts';
import { isDigestOf } from '../plan/root-digest.ts';
import type { Target } from './target.ts';

export interface ExistenceCheck extends AbortOptions {
  readonly records: readonly LayerRecord[];
  /** Also ask for digests that were only seen in other repositories. */
  readonly others: boolean;
  readonly attempts: number;
  /** Digests that were asked for already; survives retries of the same blob. */
  readonly checked: Set<Digest>;
}

/**
 * Asks the repository for the digests that earlier pushes have recorded for this blob, best first.
 *
 * @see push-behaviour c.6, moby v25.0.0 distribution/push_v2.go layerAlreadyExists
 */
export async function findRecorded(
  blob: BlobToPush,
  target: Target,
  { records, others, attempts, checked, signal }: ExistenceCheck,
): Promise<ProvenIdentity | undefined> {
  const candidates = existenceCandidates(
    records.filter(({ digest }) => target.presence.believes(digest)),
    { target: target.name, hmacKey: target.hmacKey, max: attempts, otherRepositories: others, checked },
  );
  for (const record of candidates) {
    const { digest } = record;
    checked.add(digest);
    const size = await seenSize(blob, target, digest, { signal });
    if (size === 'unknown') continue;
    if (size === undefined) {
      if (record.sourceRepository === target.name) await target.memory.remove(record);
      continue;
    }
    const identity = provenByRecord(record, size);
    const isNoted = record.sourceRepository === target.name && hmacMatches(record, target.hmacKey);
    if (!isNoted) target.memory.add(blob, identity);
    return identity;
  }
  return undefined;
}

/**
 * Asks for bytes that are known here.
 *
 * @returns whether the registry says that it has them, in that size; 'unknown' when it would not say
 */
export async function isSeen(
  { digest, size }: ProvenIdentity,
  target: Target,
  options: AbortOptions,
): Promise<boolean | 'unknown'> {
  const stat = await statOf(digest, target, options);
  if (stat === 'unknown') return 'unknown';
  return stat !== undefined && isWhole(stat, size, target);
}

/**
 * Whether the size of a blob that the registry has is more than what a document in another registry says: its bytes are
 * read only when they are sent (decision 0312). Where nobody here has recorded it, the registry is asked.
 */
export async function isSizeSure(
  blob: BlobToPush,
  identity: ProvenIdentity,
  target: Target,
  options: AbortOptions,
): Promise<boolean> {
  if (blob.heldIn === undefined || blob.role === 'config') return true; // an image's config is read when it is planned
  if ((await target.memory.size(identity.digest)) === identity.size) return true;
  return (await isSeen(identity, target, options)) === true;
}

/** A registry that has another number of bytes under a digest does not have the blob, whatever it says elsewhere. */
function isWhole(stat: BlobStat, size: number, { presence }: Target): boolean {
  if (stat.size === undefined || stat.size === size) return true;
  presence.noteDamaged(stat.digest);
  return false;
}

/** Size of a blob the repository has, undefined when it lacks it, 'unknown' when it would not say. */
async function seenSize(
  blob: BlobToPush,
  target: Target,
  digest: Digest,
  options: AbortOptions,
): Promise<number | undefined | 'unknown'> {
  const stat = await statOf(digest, target, options);
  if (stat === 'unknown' || stat === undefined) return stat;
  const identity = blob.form?.identity;
  const given = blob.fixed?.size ?? (identity?.digest === digest ? identity.size : undefined);
  const own = given ?? (await target.memory.size(digest));
  if (own !== undefined && !isWhole(stat, own, target)) return undefined;
  return own ?? stat.size ?? 'unknown';
}

/**
 * What the repository says of a blob: undefined when it lacks it, 'unknown' when it would not say, which is never
 * fatal.
 */
export async function statOf(
  digest: Digest,
  target: Target,
  { signal }: AbortOptions,
): Promise<BlobStat | undefined | 'unknown'> {
  try {
    return await target.ask((repository) => repository.statBlob(digest, { signal }), { signal });
  } catch {
    signal?.throwIfAborted();
    return 'unknown';
  }
}

/** Whether a tag or a digest names this very manifest at the destination, as far as the registry says. */
export async function namesManifest(
  tagOrDigest: string,
  manifest: Manifest,
  target: Target,
  { signal }: AbortOptions,
): Promise<boolean> {
  const question = target.ask((repository) => repository.statManifest(tagOrDigest, { signal }), { signal });
  const stat = await question.catch(() => undefined);
  signal?.throwIfAborted();
  return isDigestOf(stat?.digest, manifest);
}
