import { createHash } from 'node:crypto';
import { type Digest, isDigest } from '@slipway/digest';
import type { LayerClaim } from '../metadata-store.ts';
import { encode, isObject, parseJSON } from './stored-json.ts';

/**
 * The claims of a repository lie in 16 values, by a hash of the diffID: each is bounded by itself, and adding one claim
 * rewrites a few kilobytes, not all of them.
 */
const maxClaimsInValue = 64;

interface KeptClaim extends LayerClaim {
  readonly diffID: Digest;
}

/** Where the claims of a layer are kept: a folder a repository, a value a sixteenth of it. */
export function claimsKey(repository: string, diffID: Digest): string {
  return `${hashOf(repository)}/${hashOf(diffID).slice(0, 1)}`;
}

/** The claims of one layer, newest first. */
export function claimsIn(value: Uint8Array | undefined, repository: string, diffID: Digest): readonly LayerClaim[] {
  return parseClaims(value, repository)
    .filter((claim) => claim.diffID === diffID)
    .map(({ digest, size }) => ({ digest, size }))
    .reverse();
}

/** The value with one claim more. One that is there already stays where it is, so learning it again writes nothing. */
export function addedClaim(
  value: Uint8Array | undefined,
  repository: string,
  diffID: Digest,
  { digest, size }: LayerClaim,
): Uint8Array | undefined {
  const claims = parseClaims(value, repository);
  const known = claims.find((claim) => isOf(claim, diffID, digest));
  if (known?.size === size) return value;
  const others = claims.filter((claim) => claim !== known);
  return formatClaims(repository, [...others, { diffID, digest, size }].slice(-maxClaimsInValue));
}

/** The value without one claim; undefined when it was the last one. */
export function removedClaim(
  value: Uint8Array | undefined,
  repository: string,
  diffID: Digest,
  digest: Digest,
): Uint8Array | undefined {
  const claims = parseClaims(value, repository);
  const others = claims.filter((claim) => !isOf(claim, diffID, digest));
  if (others.length === claims.length) return value;
  return others.length === 0 ? undefined : formatClaims(repository, others);
}

function isOf(claim: KeptClaim, diffID: Digest, digest: Digest): boolean {
  return claim.diffID === diffID && claim.digest === digest;
}

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/** The repository's name is for people who look into the files, and is compared when they are read. */
function formatClaims(repository: string, claims: readonly KeptClaim[]): Uint8Array {
  return encode(JSON.stringify({ repository, claims }));
}

/** Oldest first; entries that are damaged are left out one by one. */
function parseClaims(value: Uint8Array | undefined, repository: string): readonly KeptClaim[] {
  const kept = parseJSON(value);
  if (!isObject(kept) || kept['repository'] !== repository || !Array.isArray(kept['claims'])) return [];
  return kept['claims'].flatMap((item: unknown): KeptClaim[] => {
    if (!isObject(item)) return [];
    const { diffID, digest, size } = item;
    if (typeof diffID !== 'string' || !isDigest(diffID) || typeof digest !== 'string' || !isDigest(digest)) return [];
    if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0) return [];
    return [{ diffID, digest, size }];
  });
}
