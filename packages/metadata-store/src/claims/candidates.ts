import {
  aBoolean,
  aCount,
  aNumber,
  anObject,
  assertArgument,
  assertOptions,
  aText,
  listOf,
  someBytes,
  withMethods,
} from '@slipway/arguments';
import type { Digest } from '@slipway/digest';
import { parseCanonicalName } from '@slipway/reference';
import type { LayerRecord } from '../metadata-store.ts';
import { hmacMatches } from './hmac.ts';

/** What records are ranked by. */
export interface RankOptions {
  /** Canonical name of the repository pushed to, with its domain: `docker.io/library/busybox`. */
  readonly target: string;
  /** Key of the credentials pushed with, from `computeHmacKey`. */
  readonly hmacKey: Uint8Array | undefined;
}

/** For which repository records are looked at, in whose name, and how many of them count. */
export interface MountCandidateOptions extends RankOptions {
  /** Candidates at most; negative: all. */
  readonly max: number;
}

/** For which repository records are looked at, and how many of them count. */
export interface ExistenceCandidateOptions extends RankOptions {
  /** Candidates at most. */
  readonly max: number;
  /** Take also digests that were seen in other repositories only. */
  readonly otherRepositories: boolean;
  /** Digests that need no further check. @default none */
  readonly checked?: ReadonlySet<Digest> | undefined;
}

/** How much a layer is worth before it is uploaded: the smaller, the fewer questions. */
export interface AttemptLimits {
  /** Mounts to try at most. */
  readonly mounts: number;
  /** Existence checks at most. */
  readonly existenceChecks: number;
  /** Whether checks after the first take digests of other repositories too. */
  readonly otherRepositories: boolean;
}

const smallLayerMaximumSize = 100 * 1024;
const middleLayerMaximumSize = 10 * 1024 * 1024;

/** The limits for a layer of `size` bytes; one of unknown size counts as middle-sized. */
export function attemptLimits(size: number | undefined): AttemptLimits {
  if (size !== undefined) assertArgument('size', size, aCount);
  if (size === undefined) return { mounts: 3, existenceChecks: 1, otherRepositories: false };
  if (size > middleLayerMaximumSize) return { mounts: 4, existenceChecks: 3, otherRepositories: true };
  if (size > smallLayerMaximumSize) return { mounts: 3, existenceChecks: 1, otherRepositories: false };
  return { mounts: 1, existenceChecks: 1, otherRepositories: false };
}

/**
 * Sorts records (oldest first, as stored) into best first: those made with our credentials, then those whose
 * repository shares more leading path components with the target; age only breaks ties, newest first.
 */
export function rankCandidates(records: readonly LayerRecord[], options: RankOptions): readonly LayerRecord[] {
  assertArgument('records', records, listOf(anObject));
  assertOptions('options', options, { required: { target: aText }, optional: { hmacKey: someBytes } });
  if (records.length < 2) return [...records]; // nothing to compare: no signature is computed
  const target = options.target.split('/');
  return records
    .map((record) => ({
      record,
      isOurs: hmacMatches(record, options.hmacKey),
      likeness: countSharedComponents(record.sourceRepository.split('/'), target),
    }))
    .reverse()
    .sort((a, b) => Number(b.isOurs) - Number(a.isOurs) || b.likeness - a.likeness)
    .map(({ record }) => record);
}

/**
 * Where in the target's registry to try to mount from, best first. A record counts only when its source repository
 * is written canonically, and is not the target itself.
 */
export function mountCandidates(
  records: readonly LayerRecord[],
  options: MountCandidateOptions,
): readonly LayerRecord[] {
  assertArgument('records', records, listOf(anObject));
  assertOptions('options', options, { required: { target: aText, max: aNumber }, optional: { hmacKey: someBytes } });
  const { target, max } = options;
  const registry = registryOf(target);
  const elsewhere = records.filter(
    ({ sourceRepository }) =>
      sourceRepository !== target && registry !== undefined && registryOf(sourceRepository) === registry,
  );
  const ranked = rankCandidates(elsewhere, { target, hmacKey: options.hmacKey });
  return max < 0 ? ranked : ranked.slice(0, max);
}

/**
 * Which digests to ask the target repository for, best first: one record a digest, its best.
 * A record without source repository always counts.
 */
export function existenceCandidates(
  records: readonly LayerRecord[],
  options: ExistenceCandidateOptions,
): readonly LayerRecord[] {
  assertArgument('records', records, listOf(anObject));
  assertOptions('options', options, {
    required: { target: aText, max: aNumber, otherRepositories: aBoolean },
    optional: { hmacKey: someBytes, checked: withMethods('a set', 'has') },
  });
  const { target, max, otherRepositories, checked } = options;
  const eligible = records.filter(
    ({ sourceRepository }) => otherRepositories || sourceRepository === '' || sourceRepository === target,
  );
  const best = new Map<Digest, LayerRecord>();
  for (const record of rankCandidates(eligible, { target, hmacKey: options.hmacKey })) {
    if (!best.has(record.digest) && !checked?.has(record.digest)) best.set(record.digest, record);
  }
  return [...best.values()].slice(0, Math.max(0, max));
}

function registryOf(name: string): string | undefined {
  try {
    return parseCanonicalName(name).registry;
  } catch {
    return undefined; // what others wrote is judged, not trusted
  }
}

function countSharedComponents(components: readonly string[], target: readonly string[]): number {
  const firstDifference = components.findIndex((component, i) => component !== target[i]);
  return firstDifference < 0 ? components.length : firstDifference;
}
