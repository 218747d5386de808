import type { AbortOptions } from '@slipway/digest';
import { hmacMatches, type LayerRecord, mountCandidates } from '@slipway/metadata-store';
import { parseReference } from '@slipway/reference';
import { RegistryError, type UploadSession } from '@slipway/registry-client';
import type { BlobIdentity } from '../form/form.ts';
import type { BlobToPush } from '../plan/blob-to-push.ts';
import type { Target } from './target.ts';

/** A mount, or the session that the last declined one left open. */
export type MountResult =
  | { readonly kind: 'mounted'; readonly identity: BlobIdentity; readonly from: string }
  | { readonly kind: 'declined'; readonly session: UploadSession | undefined };

/**
 * Tries to have the registry take the blob from another of its repositories, best candidate first. Never fails a push.
 *
 * @see push-behaviour c.5 step 5, moby v25.0.0 distribution/push_v2.go
 */
export async function tryMounts(
  blob: BlobToPush,
  target: Target,
  { records, max, signal }: AbortOptions & { readonly records: readonly LayerRecord[]; readonly max: number },
): Promise<MountResult> {
  let session: UploadSession | undefined;
  let unauthorized = false;
  for (const record of mountCandidatesOf(blob, target, { records, max })) {
    const from = parseReference(record.sourceRepository).repository;
    try {
      const begun = await target.repository.beginUpload({ mount: { digest: record.digest, from }, signal });
      if (begun.kind === 'mounted') {
        await session?.[Symbol.asyncDispose]();
        const identity = { digest: record.digest, size: await mountedSize(blob, target, record, signal) };
        await target.memory.add(blob, identity);
        return { kind: 'mounted', identity, from };
      }
      await session?.[Symbol.asyncDispose](); // only the newest session is kept
      session = begun.session;
    } catch (error) {
      if (signal?.aborted) {
        await session?.[Symbol.asyncDispose]();
        signal.throwIfAborted();
      }
      if (saysUnauthorized(error)) unauthorized = true; // stays set: this user may not mount at all
    }
    const mayForget = !(unauthorized && !target.hasAuthInfo);
    if (mayForget && (hmacMatches(record, target.hmacKey) || record.hmac === '')) await target.memory.remove(record);
  }
  return { kind: 'declined', session };
}

/** Where to mount a blob from, best first: where it came from, then where it was seen. */
export function mountCandidatesOf(
  { heldIn, form }: BlobToPush,
  { name, hmacKey }: Target,
  { records, max }: { readonly records: readonly LayerRecord[]; readonly max: number },
): readonly LayerRecord[] {
  const digest = form?.identity?.digest;
  const origin = heldIn === undefined || digest === undefined ? [] : [{ digest, sourceRepository: heldIn, hmac: '' }];
  const own = mountCandidates(origin, { target: name, hmacKey, max: 1 });
  const others = records.filter((record) => record.sourceRepository !== heldIn || record.digest !== digest);
  return [...own, ...mountCandidates(others, { target: name, hmacKey, max })].slice(0, max);
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
  const stat = await target.repository.statBlob(digest, { signal });
  if (stat?.size === undefined) throw new Error(`The registry mounted ${digest} but does not say its size`);
  return stat.size;
}

function saysUnauthorized(error: unknown): boolean {
  return error instanceof RegistryError && error.diagnostics.some(({ code, bare }) => code === 'UNAUTHORIZED' && !bare);
}
