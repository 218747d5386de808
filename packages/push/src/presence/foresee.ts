import { type AbortOptions, type Digest, decompress, digestStream } from '@slipway/digest';
import { hmacMatches } from '@slipway/metadata-store';
import { predictManifest } from '../deliver/push-item.ts';
import type { BlobIdentity } from '../form/form.ts';
import { type BlobToPush, distinctBlobs } from '../plan/blob-to-push.ts';
import type { ImagePlan } from '../plan/image-plan.ts';
import type { ItemPlan, Manifest } from '../plan/plan.ts';
import { learnFromRepository } from './learn.ts';
import type { Target } from './target.ts';

export interface ForeseeOptions extends AbortOptions {
  readonly tags: readonly string[];
  readonly learn: boolean;
  readonly learnFrom: string | undefined;
  readonly verifyLearnt: boolean;
}

/** What can be said of a push before any blob is looked at. */
export interface Foresight {
  /** The manifest, if everything it names is known. */
  readonly manifest: Manifest | undefined;
  /** The repository is known to have that manifest: a tag can be put on it at once. */
  readonly inRepository: boolean;
  /** Tags that name it already. */
  readonly unchangedTags: ReadonlySet<string>;
  /** Blobs of it, for telling what became of them. */
  readonly known: ReadonlyMap<string, BlobIdentity>;
}

/**
 * Looks ahead: when the metadata store, the source or the registry's own manifests already tell the digest of the
 * manifest, one question about the tag ends a push that has nothing to do.
 */
export async function foresee(plan: ItemPlan, target: Target, options: ForeseeOptions): Promise<Foresight> {
  const known = plan.kind === 'image' ? await recordedBlobs(plan, target) : new Map<string, BlobIdentity>();
  const recorded = plan.kind === 'image' ? predictManifest(plan, known, target) : plan.verbatim;
  if (recorded !== undefined) return askForTags(recorded, known, target, options, await pushedBefore(plan, target));
  if (plan.kind !== 'image' || !options.learn) return nothingKnown;
  return learnAndPredict(plan, known, target, options);
}

const nothingKnown: Foresight = {
  manifest: undefined,
  inRepository: false,
  unchangedTags: new Set(),
  known: new Map(),
};

/** Blobs that were pushed to, or seen in, this repository with these credentials. */
async function recordedBlobs(plan: ImagePlan, target: Target): Promise<Map<string, BlobIdentity>> {
  const known = new Map<string, BlobIdentity>();
  for (const blob of distinctBlobs([...plan.layers, plan.config])) {
    if (blob.fixed !== undefined) {
      known.set(blob.key, blob.fixed);
      continue;
    }
    const record = (await target.memory.records(blob)).findLast(
      (candidate) => candidate.sourceRepository === target.name && hmacMatches(candidate, target.hmacKey),
    );
    const size = record && (await target.memory.size(record.digest));
    if (record !== undefined && size !== undefined) known.set(blob.key, { digest: record.digest, size });
  }
  return known;
}

/** Whether a manifest of this content may be there under another tag: its config or first blob was recorded here. */
async function pushedBefore(plan: ItemPlan, target: Target): Promise<boolean> {
  const blob = firstBlob(plan);
  if (blob === undefined) return false;
  if (blob.heldIn === target.name) return true; // it came from there
  const records = await target.memory.records(blob);
  return records.some(({ sourceRepository }) => sourceRepository === target.name);
}

function firstBlob(plan: ItemPlan): BlobToPush | undefined {
  switch (plan.kind) {
    case 'image':
      return plan.config;
    case 'artifact':
      return plan.blobs[0];
    case 'index':
      return plan.children.map(firstBlob).find((blob) => blob !== undefined);
    default:
      return plan satisfies never;
  }
}

async function askForTags(
  manifest: Manifest,
  known: ReadonlyMap<string, BlobIdentity>,
  target: Target,
  { tags, signal }: ForeseeOptions,
  mayBeThere: boolean,
): Promise<Foresight> {
  const names = async (tagOrDigest: string): Promise<boolean> => {
    const stat = await target.repository.statManifest(tagOrDigest, { signal }).catch(() => undefined);
    signal?.throwIfAborted();
    return stat?.digest === manifest.digest;
  };
  const same = await Promise.all(tags.map(names));
  const unchangedTags = new Set(tags.filter((_, at) => same[at]));
  const inRepository = unchangedTags.size > 0 || (mayBeThere && (await names(manifest.digest)));
  return { manifest, inRepository, unchangedTags, known };
}

async function learnAndPredict(
  plan: ImagePlan,
  recorded: ReadonlyMap<string, BlobIdentity>,
  target: Target,
  { tags, learnFrom, verifyLearnt, signal }: ForeseeOptions,
): Promise<Foresight> {
  const unknown = plan.layers.filter(
    (blob) => blob.recordKey !== undefined && blob.foreign === undefined && !recorded.has(blob.key),
  );
  const wanted = new Set(unknown.flatMap(({ recordKey }) => recordKey ?? []));
  if (wanted.size === 0) return nothingKnown;
  const references = [...new Set([...(learnFrom === undefined ? [] : [learnFrom]), ...tags.slice(0, 1)])];
  const platform = plan.image.platform;
  const manifests = await learnFromRepository(target.repository, {
    wanted,
    platform,
    references,
    learnt: target.learnt,
    signal,
  });
  if (verifyLearnt) await dropFalsePairings(target, signal);

  const known = new Map(recorded);
  for (const blob of unknown) {
    const identity = blob.recordKey && target.learnt.get(blob.recordKey);
    if (identity !== undefined) known.set(blob.key, identity);
  }
  const manifest = predictManifest(plan, known, target);
  if (manifest === undefined) return { ...nothingKnown, known };
  const unchangedTags = new Set(tags.filter((tag) => manifests.get(tag)?.digest === manifest.digest));
  const inRepository = [...manifests.values()].some(({ digest }) => digest === manifest.digest);
  if (inRepository) {
    // The registry keeps a manifest that names these blobs: that is its confirmation.
    for (const blob of plan.layers) {
      const identity = known.get(blob.key);
      if (identity !== undefined) await target.memory.add(blob, identity);
    }
  }
  return { manifest, inRepository, unchangedTags, known };
}

/** Reads learnt blobs back: a pairing whose bytes do not unpack to the diffID is forgotten. */
async function dropFalsePairings(target: Target, signal: AbortSignal | undefined): Promise<void> {
  for (const [diffID, { digest, size }] of target.learnt) {
    const unpacked = await unpackedDigest(target, digest, size, signal);
    if (unpacked === diffID) continue;
    target.learnt.delete(diffID);
    target.emit({
      type: 'warning',
      destination: target.destination,
      code: 'learnt-pairing-false',
      message: `${target.destination} pairs ${diffID} with ${digest}, which ${unpacked === undefined ? 'cannot be read back' : `unpacks to ${unpacked}`}: it is pushed from the source`,
    });
  }
}

async function unpackedDigest(
  target: Target,
  digest: Digest,
  size: number,
  signal: AbortSignal | undefined,
): Promise<Digest | undefined> {
  try {
    // Layers inflate about threefold; a hundredfold is a bomb.
    const plain = decompress(target.repository.openBlob(digest, { signal }), 'gzip', {
      maxBytes: Math.max(size, 1024) * 1100,
      signal,
    });
    return (await digestStream(plain, { signal })).digest;
  } catch {
    signal?.throwIfAborted();
    return undefined;
  }
}
