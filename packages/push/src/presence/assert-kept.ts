import { type AbortOptions, digestStream } from '@slipway/digest';
import { PushError } from '../errors.ts';
import type { ProvenIdentity } from '../knowledge.ts';
import type { BlobToPush } from '../plan/blob-to-push.ts';
import { statOf } from './existence.ts';
import type { Target } from './target.ts';

/**
 * Looks whether a blob that was sent in place of a damaged one has taken its place: registries are known that keep the
 * file that they have (decision 0376). What cannot be asked is left to the manifest.
 *
 * @throws {PushError} ERR_PUSH_FAILED when the registry still has other bytes
 */
export async function assertKept(
  blob: BlobToPush,
  { digest, size }: ProvenIdentity,
  target: Target,
  { signal }: AbortOptions,
): Promise<void> {
  const stat = await statOf(digest, target, { signal });
  if (stat === undefined || stat === 'unknown' || stat.size === undefined || stat.size === size) return;
  if (await isRead(digest, size, target, { signal })) return; // its answers to HEAD have a length of their own
  await target.memory.forget(blob, new Set([digest]));
  throw new PushError(
    'ERR_PUSH_FAILED',
    `Could not push ${blob.role} ${blob.id} to ${target.destination}: the registry keeps its damaged copy of ` +
      `${digest}, of ${stat.size} bytes in place of ${size}`,
    {
      op: blob.role === 'config' ? 'push config' : 'push layer',
      origin: 'destination',
      descriptor: { digest, size },
      hint: 'delete the blob in the registry (by a garbage collection, or its file), then push again',
    },
  );
}

async function isRead(
  digest: ProvenIdentity['digest'],
  size: number,
  { repository }: Target,
  { signal }: AbortOptions,
): Promise<boolean> {
  try {
    return (await digestStream(repository.openBlob(digest, { size, signal }), { signal })).digest === digest;
  } catch {
    signal?.throwIfAborted();
    return false;
  }
}
