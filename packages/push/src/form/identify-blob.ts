import type { AbortOptions } from '@slipway/digest';
import { PushError } from '../errors.ts';
import type { BlobToPush } from '../plan/blob-to-push.ts';
import type { BlobForm, BlobIdentity, FormReader } from './form.ts';
import { FormFailure } from './form-failure.ts';
import { readFailure } from './read-failure.ts';

/** How often a blob is made anew because its kept copy was damaged or taken away. */
const mostCopies = 3;

/**
 * Computes what a blob's bytes are, or remembers it.
 *
 * @throws {PushError} ERR_PUSH_FAILED with origin 'source' when they cannot be read or prove wrong, 'machine' when this
 * computer fails
 */
export function identifyBlob(blob: BlobToPush, form: BlobForm, options: AbortOptions): Promise<BlobIdentity> {
  return overCopies(blob, () => form.identify(options), options);
}

/**
 * Waits until a blob begins to exist: layers take turns at being compressed, and an upload session is not opened to
 * wait for that.
 *
 * @throws {PushError} as {@link identifyBlob}
 */
export async function awaitBlob(
  blob: BlobToPush,
  reader: Pick<FormReader, 'available'>,
  options: AbortOptions,
): Promise<void> {
  await overCopies(blob, () => reader.available(1, options), options);
}

async function overCopies<T>(blob: BlobToPush, read: () => Promise<T>, { signal }: AbortOptions): Promise<T> {
  for (let copies = 1; ; copies += 1) {
    try {
      return await read();
    } catch (error) {
      signal?.throwIfAborted();
      const failure = readFailure(`${blob.role} ${blob.id}`, error);
      if (failure instanceof PushError) throw failure;
      if (copies >= mostCopies) throw readFailure(`${blob.role} ${blob.id}`, new FormFailure('machine', failure.cause));
    }
  }
}
