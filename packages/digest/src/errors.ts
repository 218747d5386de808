/** Every code this package throws. */
export type DigestErrorCode =
  /**
   * When: content that was read does not have the digest it was promised to have. Retry: no, unless it came over a
   * network. Do: fetch or build the content again.
   */
  | 'ERR_DIGEST_MISMATCH'
  /**
   * When: content that was read is shorter or longer than promised. Retry: no, unless it came over a network. Do: fetch
   * or build the content again.
   */
  | 'ERR_SIZE_MISMATCH'
  /**
   * When: this runtime has no codec for the compression, or the stream asks for a feature no codec here has. Retry: no.
   * Do: choose gzip, or a newer Node.
   */
  | 'ERR_COMPRESSION_UNSUPPORTED'
  /**
   * When: compressed bytes are damaged, cut short or followed by something else. Retry: no, unless they came over a
   * network. Do: fetch or build the content again.
   */
  | 'ERR_COMPRESSION_CORRUPT'
  /**
   * When: decompression gives more bytes, or more bytes per byte, than allowed. Retry: no. Do: raise `maxBytes` or
   * `maxRatio` if the content is trusted.
   */
  | 'ERR_COMPRESSION_TOO_LARGE'
  /** When: what should be summed as a tar is none, or is cut. Retry: no. Do: make the layer again. */
  | 'ERR_TARSUM_INVALID';

/** Content is not what its descriptor promised. */
export class ContentMismatchError extends Error {
  override name = 'ContentMismatchError';
  readonly code: Extract<DigestErrorCode, 'ERR_DIGEST_MISMATCH' | 'ERR_SIZE_MISMATCH'>;

  constructor(code: 'ERR_DIGEST_MISMATCH' | 'ERR_SIZE_MISMATCH', message: string) {
    super(message);
    this.code = code;
  }
}

/** Bytes cannot be compressed or decompressed. */
export class CompressionError extends Error {
  override name = 'CompressionError';
  readonly code: Extract<
    DigestErrorCode,
    'ERR_COMPRESSION_UNSUPPORTED' | 'ERR_COMPRESSION_CORRUPT' | 'ERR_COMPRESSION_TOO_LARGE'
  >;

  constructor(code: CompressionError['code'], message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** Bytes are no tar whose files could be summed. */
export class TarSumError extends Error {
  override name = 'TarSumError';
  readonly code: Extract<DigestErrorCode, 'ERR_TARSUM_INVALID'> = 'ERR_TARSUM_INVALID';

  constructor(problem: string) {
    super(`Could not sum the tar: ${problem}`);
  }
}
