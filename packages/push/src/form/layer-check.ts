import { type AbortOptions, type ByteStream, ContentMismatchError, type Digest } from '@slipway/digest';
import type { BlobIdentity } from './form.ts';

/** Compares a layer that goes as it lies in the source with its diffID. One for all readers of a form. */
export interface LayerCheck {
  /**
   * Takes what is new of a chunk that begins at `offset`; waits while too much is waiting. `digest`: what the whole
   * ought to be, if known.
   */
  feed(offset: number, chunk: Uint8Array, digest: Digest | undefined): Promise<void>;
  /**
   * Resolves when the layer with that digest is the one with the diffID. What nobody has fed is read.
   *
   * @throws {ContentMismatchError} `ERR_DIGEST_MISMATCH`
   */
  conclude(identity: BlobIdentity, read: (from: number) => ByteStream, options: AbortOptions): Promise<void>;
  /** Forgets what was fed: it was not the layer's. */
  reset(): void;
}

/** An uncompressed layer: its digest is its diffID. */
export function plainLayerCheck(diffID: Digest): LayerCheck {
  return {
    async feed() {},
    async conclude({ digest }) {
      if (digest !== diffID) throw diffIDMismatch(digest, diffID, digest);
    },
    reset() {},
  };
}

/** A layer is not the one that the image's config names. */
export function diffIDMismatch(digest: Digest, expected: Digest, actual: Digest): ContentMismatchError {
  const message = `Unpacking layer ${digest}: expected ${expected} as the image's config says, got ${actual}`;
  return new ContentMismatchError('ERR_DIGEST_MISMATCH', message);
}
