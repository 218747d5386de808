import type { AbortOptions, Digest } from '@slipway/digest';
import { existenceCandidates, hmacMatches, type LayerRecord } from '@slipway/metadata-store';
import type { BlobIdentity } from '../form/form.ts';
import type { BlobToPush } from '../plan/blob-to-push.ts';
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
 * Asks the repository for the digests this blob is known under, best first.
 *
 * @see push-behaviour c.6, moby v25.0.0 distribution/push_v2.go layerAlreadyExists
 */
export async function findExisting(
  blob: BlobToPush,
  target: Target,
  check: ExistenceCheck,
): Promise<BlobIdentity | undefined> {
  const candidates = existenceCandidates(check.records, {
    target: target.name,
    hmacKey: target.hmacKey,
    max: check.attempts,
    otherRepositories: check.others,
    checked: check.checked,
  });
  for (const record of candidates) {
    const { digest } = record;
    check.checked.add(digest);
    const size = await statSize(blob, target, digest, check.signal);
    if (size === 'unknown') continue;
    if (size === undefined) {
      if (record.sourceRepository === target.name) await target.memory.remove(record);
      continue;
    }
    const identity = { digest, size };
    const noted = record.sourceRepository === target.name && hmacMatches(record, target.hmacKey);
    if (!noted) await target.memory.add(blob, identity);
    return identity;
  }
  return undefined;
}

/** Size of a blob the repository has, undefined when it lacks it, 'unknown' when it would not say: that is never fatal. */
async function statSize(
  blob: BlobToPush,
  target: Target,
  digest: Digest,
  signal: AbortSignal | undefined,
): Promise<number | undefined | 'unknown'> {
  try {
    const stat = await target.repository.statBlob(digest, { signal });
    if (stat === undefined) return undefined;
    return stat.size ?? blob.fixed?.size ?? (await target.memory.size(digest)) ?? 'unknown';
  } catch {
    signal?.throwIfAborted();
    return 'unknown';
  }
}
