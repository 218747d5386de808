/** Everything that can be wrong with a metadata store. */
export type MetadataStoreErrorCode =
  /** When: the files of the store are damaged. Retry: yes, once they were set aside. Do: nothing; what was remembered is learnt again from the registry. */
  | 'ERR_STORE_CORRUPT'
  /** When: another process has held the store for too long. Retry: yes. Do: look for a stopped or hanging process that uses the same data folder. */
  | 'ERR_STORE_LOCKED'
  /** When: the folder cannot be made, read or written, or the store was closed. Retry: no. Do: check owner, permissions and free space of the data folder. */
  | 'ERR_STORE_UNAVAILABLE';

export interface MetadataStoreErrorOptions extends ErrorOptions {
  /** Moves the damaged files aside; see {@link MetadataStoreError.setAside}. */
  readonly setAside?: (() => Promise<string | undefined>) | undefined;
}

/** The metadata store could not do what was asked. A push never needs it to: see `openResilientMetadataStore`. */
export class MetadataStoreError extends Error {
  readonly code: MetadataStoreErrorCode;
  override name = 'MetadataStoreError';
  /**
   * Moves what is damaged out of the way, so that the store can be opened anew; resolves to where it went, or to
   * undefined when another process was quicker. Only with `ERR_STORE_CORRUPT`.
   */
  readonly setAside: (() => Promise<string | undefined>) | undefined;

  constructor(code: MetadataStoreErrorCode, message: string, options: MetadataStoreErrorOptions = {}) {
    super(message, options);
    this.code = code;
    this.setAside = options.setAside;
  }
}
