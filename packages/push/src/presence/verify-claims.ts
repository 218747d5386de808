import { type AbortOptions, type Digest, decompress, digestStream, verified } from '@slipway/digest';
import { type ClaimedIdentity, provenByUnpacking } from '../knowledge.ts';
import { type BlobToPush, distinctBlobs } from '../plan/blob-to-push.ts';
import type { Target } from './target.ts';

/**
 * Reads claimed blobs back from the registry and unpacks them: what is the layer that the config names is known to be
 * there, and what is not is told and forgotten.
 */
export async function verifyClaims(
  blobs: readonly BlobToPush[],
  target: Target,
  { signal }: AbortOptions,
): Promise<void> {
  const { presence, destination } = target;
  for (const blob of distinctBlobs(blobs)) {
    const diffID = blob.recordKey;
    const claim = diffID && presence.claims.get(diffID);
    if (claim === undefined || !presence.believes(claim.digest)) continue;
    const unpacked = await unpackedDigest(claim, target, signal);
    if (unpacked === diffID) {
      const identity = provenByUnpacking(claim);
      presence.note(blob.key, identity, 'seen');
      target.memory.add(blob, identity);
      continue;
    }
    target.emit({
      type: 'warning',
      destination,
      code: 'learnt-pairing-false',
      message:
        `${destination} pairs ${diffID} with ${claim.digest}, which ` +
        `${unpacked === undefined ? 'cannot be read back' : `unpacks to ${unpacked}`}: the layer is pushed ` +
        'from the source',
    });
  }
  presence.dropClaims();
}

async function unpackedDigest(
  { digest, size }: ClaimedIdentity,
  { repository }: Target,
  signal: AbortSignal | undefined,
): Promise<Digest | undefined> {
  try {
    // Layers inflate about threefold; a thousandfold is a bomb.
    const maxBytes = Math.max(size, 1024) * 1100;
    const stored = verified(repository.openBlob(digest, { size, signal }), { digest, size });
    const plain = decompress(stored, 'gzip', { maxBytes, signal });
    return (await digestStream(plain, { signal })).digest;
  } catch {
    signal?.throwIfAborted();
    return undefined;
  }
}
