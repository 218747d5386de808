/** Codes of this package's errors. */
export type ManifestErrorCode =
  /**
   * When: a manifest, an index or a config breaks its format, or says two things at once. Retry: no. Do: ask who made
   * the image to build it again.
   */
  | 'ERR_MANIFEST_INVALID'
  /** When: a document is longer than the limit. Retry: no. Do: raise `maxSize` if the document is trusted. */
  | 'ERR_MANIFEST_TOO_LARGE'
  /** When: a text is no platform such as `linux/arm64/v8`. Retry: no. Do: write it as `os/architecture[/variant]`. */
  | 'ERR_PLATFORM_INVALID'
  /**
   * When: a schema 1 manifest is not signed, or not over these bytes, or by no key that can be used. Retry: no. Do: ask
   * whoever signed it; trust nothing it says.
   */
  | 'ERR_SIGNATURE_INVALID'
  /**
   * When: a trust key is neither JWK nor PEM, or of a kind nobody signs with. Retry: no. Do: give a P-256 key, or let a
   * new one be made.
   */
  | 'ERR_TRUST_KEY_INVALID';

/** A document is not what it claims to be. */
export class InvalidManifestError extends Error {
  readonly code: ManifestErrorCode = 'ERR_MANIFEST_INVALID';
  override name = 'InvalidManifestError';
  /** Where in the document: `layers[2].digest`; empty for the whole. */
  readonly path: string;

  /** `document` is what the message calls it: `manifest`, `image config`. */
  constructor(document: string, path: string, problem: string, options?: ErrorOptions) {
    super(`invalid ${document}: ${path === '' ? '' : `${path}: `}${problem}`, options);
    this.path = path;
  }
}

/** A document is longer than anyone should have to read. */
export class ManifestTooLargeError extends Error {
  readonly code: ManifestErrorCode = 'ERR_MANIFEST_TOO_LARGE';
  override name = 'ManifestTooLargeError';
  /** Bytes of the document. */
  readonly size: number;
  /** Bytes allowed. */
  readonly limit: number;

  constructor(document: string, size: number, limit: number) {
    super(`${document} too large: expected at most ${limit} bytes, got ${size}`);
    this.size = size;
    this.limit = limit;
  }
}

/** A text is no platform. */
export class InvalidPlatformError extends Error {
  readonly code: ManifestErrorCode = 'ERR_PLATFORM_INVALID';
  override name = 'InvalidPlatformError';
}

/** A signed JSON document has no signature that holds. */
export class SignatureError extends Error {
  readonly code: ManifestErrorCode = 'ERR_SIGNATURE_INVALID';
  override name = 'SignatureError';

  constructor(problem: string, options?: ErrorOptions) {
    super(`invalid signature: ${problem}`, options);
  }
}

/** A text is no key to sign or verify with. */
export class TrustKeyError extends Error {
  readonly code: ManifestErrorCode = 'ERR_TRUST_KEY_INVALID';
  override name = 'TrustKeyError';
}
