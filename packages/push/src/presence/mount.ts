import type { AbortOptions } from '@slipway/digest';
import { hmacMatches, type LayerRecord, mountCandidates } from '@slipway/metadata-store';
import { parseReference } from '@slipway/reference';
import { RegistryError, type UploadSession } from '@slipway/registry-client';
import { type ProvenIdentity, provenByRecord } from '../knowledge.ts';
import type { BlobToPush } from '../plan/blob-to-push.ts';
import { isBusy } from '../upload/retry-rules.ts';
import { isSizeSure } from './existence.ts';
import type { Target } from './target.ts';

/** A mount, or the session that the last declined one left open. */
export type MountResult =
  | { readonly kind: 'mounted'; readonly identity: ProvenIdentity; readonly from: string }
  | { readonly kind: 'declined'; readonly session: UploadSession | undefined };

/**
 * Asks the registry to take the blob from another of its repositories, best candidate first. A mount that fails is
 * never a failed push: a busy registry is waited for and asked again, every other failure leads to the next candidate.
 *
 * @see push-behaviour c.5 step 5, moby v25.0.0 distribution/push_v2.go
 */
export async function tryMounts(
  blob: BlobToPush,
  target: Target,
  { candidates, signal }: AbortOptions & { readonly candidates: readonly LayerRecord[] },
): Promise<MountResult> {
  let session: UploadSession | undefined;
  let unauthorized = false;
  try {
    for (const record of candidates) {
      const { digest } = record;
      const from = pathOf(record);
      try {
        const begun = await target.repository.beginUpload({ mount: { digest, from }, signal });
        await session?.[Symbol.asyncDispose](); // only the newest session is kept
        session = undefined;
        if (begun.kind === 'mounted') {
          const identity = provenByRecord(record, await mountedSize(blob, target, record, signal));
          if (!(await isSizeSure(blob, identity, target, { signal }))) break;
          target.memory.add(blob, identity);
          return { kind: 'mounted', identity, from };
        }
        session = begun.session;
        await forget(record, target, unauthorized);
      } catch (error) {
        signal?.throwIfAborted();
        if (isBusy(error)) throw error; // waited for like any other failure, and asked again
        if (saysUnauthorized(error)) unauthorized = true; // stays set: this user may not mount at all
        // Only a registry that has read the question and refused it has said anything about the blob.
        if (isAnswerAboutMount(error)) await forget(record, target, unauthorized);
      }
    }
  } catch (error) {
    await session?.[Symbol.asyncDispose]();
    throw error;
  }
  return { kind: 'declined', session };
}

async function forget(record: LayerRecord, target: Target, unauthorized: boolean): Promise<void> {
  if (unauthorized && !target.hasAuthInfo) return;
  if (hmacMatches(record, target.hmacKey) || record.hmac === '') await target.memory.remove(record);
}

/** Where to mount a blob from, best first: where it came from, then where it was seen. */
export function mountCandidatesOf(
  { heldIn, form }: BlobToPush,
  { name, hmacKey, presence }: Target,
  { records, max }: { readonly records: readonly LayerRecord[]; readonly max: number },
): readonly LayerRecord[] {
  const digest = form?.identity?.digest;
  const origin = heldIn === undefined || digest === undefined ? [] : [{ digest, sourceRepository: heldIn, hmac: '' }];
  const own = mountCandidates(origin, { target: name, hmacKey, max: 1 });
  const others = records.filter((record) => record.sourceRepository !== heldIn || record.digest !== digest);
  return [...own, ...mountCandidates(others, { target: name, hmacKey, max })]
    .filter((record) => presence.believes(record.digest))
    .slice(0, max);
}

/** The path within its registry that a candidate is mounted from. */
export function pathOf({ sourceRepository }: LayerRecord): string {
  return parseReference(sourceRepository).repository;
}

/** The registry does not say how large a mounted blob is; it is only asked when nobody here knows. */
async function mountedSize(
  blob: BlobToPush,
  target: Target,
  { digest }: LayerRecord,
  signal: AbortSignal | undefined,
): Promise<number> {
  const identity = blob.form?.identity;
  const given = blob.fixed?.size ?? (identity?.digest === digest ? identity.size : undefined);
  const known = given ?? (await target.memory.size(digest));
  if (known !== undefined) return known;
  const stat = await target.ask((repository) => repository.statBlob(digest, { signal }), { signal });
  if (stat?.size === undefined) throw new Error(`The registry mounted ${digest} but does not say its size`);
  return stat.size;
}

function saysUnauthorized(error: unknown): boolean {
  return error instanceof RegistryError && error.diagnostics.some(({ code, bare }) => code === 'UNAUTHORIZED' && !bare);
}

/** A reset, a 5xx or a 429 says nothing about whether the blob is there: its record stays. */
function isAnswerAboutMount(error: unknown): boolean {
  return error instanceof RegistryError && error.status !== undefined && error.status < 500 && error.status !== 429;
}
