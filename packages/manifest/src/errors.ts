/** Codes of this package's errors. */
export type ManifestErrorCode =
  /** When: a manifest, an index or a config breaks its format, or says two things at once. Retry: no. Do: ask who made the image to build it again. */
  | 'ERR_MANIFEST_INVALID'
  /** When: a document is longer than the limit. Retry: no. Do: raise `maxSize` if the document is trusted. */
  | 'ERR_MANIFEST_TOO_LARGE'
  /** When: a text is no platform such as `linux/arm64/v8`. Retry: no. Do: write it as `os/architecture[/variant]`. */
  | 'ERR_PLATFORM_INVALID';

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
