import type { AbortOptions } from '@slipway/digest';
import type { BlobForm, BlobIdentity } from './blob-form.ts';
import type { BlobToPush } from './blob-to-push.ts';
import { pushFailure } from './errors.ts';

/**
 * Computes what a blob's bytes are, or remembers it.
 *
 * @throws {PushError} ERR_PUSH_FAILED with origin 'source' when they cannot be read or prove wrong
 */
export async function identifyBlob(blob: BlobToPush, form: BlobForm, { signal }: AbortOptions): Promise<BlobIdentity> {
  try {
    return await form.identify({ signal });
  } catch (error) {
    signal?.throwIfAborted();
    throw pushFailure(`${blob.role} ${blob.id}`, { op: 'read', origin: 'source', cause: error });
  }
}
