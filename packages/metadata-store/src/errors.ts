/** Everything that can be wrong with a metadata store. */
export type MetadataStoreErrorCode =
  /**
   * When: another process has held the store for too long, or the folder does not answer. Retry: yes. Do: look for a
   * stopped or hanging process that uses the same data folder, or a network file system that is gone.
   */
  | 'ERR_STORE_LOCKED'
  /**
   * When: the folder cannot be made, read or written, or the store was closed. Retry: no. Do: check owner, permissions
   * and free space of the data folder.
   */
  | 'ERR_STORE_UNAVAILABLE';

/** The metadata store could not do what was asked. A push never needs it to: see `openMetadataStore`. */
export class MetadataStoreError extends Error {
  readonly code: MetadataStoreErrorCode;
  override name = 'MetadataStoreError';

  constructor(code: MetadataStoreErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
