import type { AbortOptions } from '@slipway/digest';
import { pushFailure } from '../errors.ts';
import type { BlobForm, BlobIdentity } from '../form/form.ts';
import type { BlobToPush } from '../plan/blob-to-push.ts';

/**
 * Computes what a blob's bytes are, or remembers it.
 *
 * @throws {PushError} ERR_PUSH_FAILED with origin 'source' when they cannot be read or prove wrong
 */
export function identifyBlob(blob: BlobToPush, form: BlobForm, options: AbortOptions): Promise<BlobIdentity> {
  return orUnreadable(blob, form.identify(options), options);
}

/**
 * Waits until a blob begins to exist: layers take turns at being compressed, and an upload session is not opened to wait for that.
 *
 * @throws {PushError} ERR_PUSH_FAILED with origin 'source' when it cannot be read
 */
export async function awaitBlob(blob: BlobToPush, form: BlobForm, options: AbortOptions): Promise<void> {
  await orUnreadable(blob, form.available(1, options), options);
}

async function orUnreadable<T>(blob: BlobToPush, reading: Promise<T>, { signal }: AbortOptions): Promise<T> {
  try {
    return await reading;
  } catch (error) {
    signal?.throwIfAborted();
    throw pushFailure(`${blob.role} ${blob.id}`, { op: 'read', origin: 'source', cause: error });
  }
}
