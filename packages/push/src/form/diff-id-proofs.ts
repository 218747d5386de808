import type { Digest } from '@slipway/digest';
import type { Notes } from '../notes.ts';

/** Remembers which blobs were unpacked before. Failures of the store are ignored: the layer is unpacked again. */
export interface DiffIDProofs {
  isProven(digest: Digest, diffID: Digest): Promise<boolean>;
  /** Does not wait until it is kept. */
  remember(digest: Digest, diffID: Digest): void;
}

/** Proofs in a metadata store; without one, every layer is unpacked each time it is sent. */
export function storedProofs(notes: Notes): DiffIDProofs {
  const ignore = (): void => {};
  return {
    isProven: async (digest, diffID) => (await notes.ask((store) => store.isProven(digest, diffID), ignore)) ?? false,
    remember: (digest, diffID) => notes.add((store) => store.rememberProof(digest, diffID), ignore),
  };
}
