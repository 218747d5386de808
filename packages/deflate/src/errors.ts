/** Every code this package throws. */
export type DeflateErrorCode =
  /**
   * When: this runtime has no WebAssembly, or none with SIMD. Retry: no. Do: use zlib, or a newer runtime;
   * `isDeflateAvailable()` asks beforehand.
   */
  | 'ERR_DEFLATE_UNSUPPORTED'
  /**
   * When: a pool is asked for work after its disposal, or disposed with work waiting. Retry: no. Do: dispose the pool
   * after the last block.
   */
  | 'ERR_DEFLATE_CLOSED'
  /**
   * When: a worker thread ended under its work: out of memory, or stopped from outside. Retry: yes, the pool starts
   * another. Do: look at the cause.
   */
  | 'ERR_DEFLATE_WORKER'
  /**
   * When: a thread could not read the file that it was to deflate; without a cause, the file ended early. Retry: no.
   * Do: look at the cause.
   */
  | 'ERR_DEFLATE_READ'
  /**
   * When: what should be unpacked is no gzip, damaged, cut short or followed by something else. Retry: no, unless it
   * came over a network. Do: fetch or build it again.
   */
  | 'ERR_INFLATE_CORRUPT'
  /**
   * When: unpacking gives more bytes, or more bytes per byte, than allowed. Retry: no. Do: raise `maxSize` or
   * `maxRatio` if the content is trusted.
   */
  | 'ERR_INFLATE_TOO_LARGE';

/** Bytes cannot be deflated or unpacked here, or not now. */
export class DeflateError extends Error {
  override name = 'DeflateError';
  readonly code: DeflateErrorCode;

  constructor(code: DeflateErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
