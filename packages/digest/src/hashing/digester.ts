import type { Digest, DigestAlgorithm } from '@slipway/digest-value';

/** A digest in the making: chunks go in, in order, and a digest comes out once. */
export interface Digester {
  /** Bytes seen so far. */
  readonly size: number;
  /** Takes the next bytes. The chunk may be written over afterwards. */
  update(chunk: Uint8Array): void;
  /** The digest of everything seen. Ends the digester. */
  digest(): Digest;
}

/** Starts a digest. @default sha256 */
export type CreateDigester = (algorithm?: DigestAlgorithm | undefined) => Digester;

/** What a descriptor promises about content. */
export interface ExpectedContent {
  readonly digest: Digest;
  /** Bytes in all. Left out, only the digest is checked. */
  readonly size?: number | undefined;
}

/** What was found out about content by reading it. */
export interface MeasuredContent {
  readonly digest: Digest;
  readonly size: number;
}
