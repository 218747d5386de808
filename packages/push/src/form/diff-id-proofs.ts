import type { Digest } from '@slipway/digest';
import type { MetadataStore } from '@slipway/metadata-store';

/** Remembers which blobs were unpacked before. Failures of the store are ignored: the layer is unpacked again. */
export interface DiffIDProofs {
  isProven(digest: Digest, diffID: Digest): Promise<boolean>;
  remember(digest: Digest, diffID: Digest): Promise<void>;
}

/** Proofs in a metadata store; without one, every layer is unpacked each time it is sent. */
export function storedProofs(store: MetadataStore | undefined): DiffIDProofs {
  return {
    isProven: async (digest, diffID) => (await store?.isProven(digest, diffID).catch(() => false)) ?? false,
    remember: async (digest, diffID) => await store?.rememberProof(digest, diffID).catch(() => {}),
  };
}
