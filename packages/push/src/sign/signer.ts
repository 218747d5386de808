import type { AbortOptions } from '@slipway/digest';

/** A signature of some bytes, as cosign notes it. */
export interface Signature {
  /** Of ECDSA: in DER. */
  readonly bytes: Uint8Array;
  /**
   * What is noted beside it. Signing without a key of one's own puts here what proves who signed: the certificate
   * (`dev.sigstore.cosign/certificate`), its chain (`…/chain`) and the entry of the transparency log (`…/bundle`).
   *
   * @default nothing
   */
  readonly annotations?: Readonly<Record<string, string>> | undefined;
}

/** Who signs: a key in a file, a key that never leaves its hardware, or an identity that a service vouches for. */
export interface Signer {
  /** Signs the payload of a signature, whole: what is hashed before is the signer's to know. */
  sign(payload: Uint8Array, options?: AbortOptions): Promise<Signature>;
  /** Whether a signature that is there already is this signer's own, and right: then none is added. */
  verify(payload: Uint8Array, signature: Signature, options?: AbortOptions): Promise<boolean>;
}

/** How a push signs. */
export interface PushSigning {
  readonly signer: Signer;
  /** What the image is said to be: a reference with a tag or a digest. @default each destination's own */
  readonly identity?: string | undefined;
}

/** A signature that a push has made, or found. */
export interface ImageSignature {
  /** The manifest that is signed: the pushed one, or one that it lists. */
  readonly subject: string;
  /** What the image is said to be. */
  readonly identity: string;
  /** The tag that has every signature of the subject: `sha256-….sig`. */
  readonly tag: string;
  /** Of the manifest under that tag; undefined in a dry run that would write it. */
  readonly digest: string | undefined;
  /**
   * Digest of the manifest that holds this signature alone and names its subject; undefined in a dry run that would
   * write it.
   */
  readonly referrer: string | undefined;
  /** It was there: nothing was added. */
  readonly unchanged: boolean;
}
