/** Everything that can go wrong with the images of this machine. */
export type ImageStoreErrorCode =
  /**
   * When: no image has this name, ID or beginning of an ID, or several have; or a reference is not there. Retry: no.
   * Do: look at what is there with `list`.
   */
  | 'ERR_IMAGE_STORE_NOT_FOUND'
  /**
   * When: a digest is set to another image already, or an image to delete has further names. Retry: no. Do: delete by
   * name, or force it where the message allows that.
   */
  | 'ERR_IMAGE_STORE_CONFLICT'
  /**
   * When: a reference cannot be a tag: it has a digest, or the name of a digest algorithm. Retry: no. Do: choose
   * another name.
   */
  | 'ERR_IMAGE_STORE_REFERENCE'
  /**
   * When: an image to load is not what it claims: a layer has another diffID, a blob another digest. Retry: no. Do:
   * make or fetch the image again.
   */
  | 'ERR_IMAGE_STORE_INVALID_IMAGE'
  /**
   * When: a file of the store is damaged or was taken away. Retry: no. Do: load the image again; if `index.json` is
   * damaged, move the folder away.
   */
  | 'ERR_IMAGE_STORE_CORRUPT'
  /** When: the disk is full. Retry: after making room. Do: delete images, or choose another folder. */
  | 'ERR_IMAGE_STORE_FULL'
  /**
   * When: another process has held the store for too long. Retry: yes. Do: look for a stopped or hanging process that
   * uses the same folder.
   */
  | 'ERR_IMAGE_STORE_LOCKED'
  /**
   * When: the folder cannot be made, read or written, or the store was closed. Retry: no. Do: check owner and
   * permissions of the folder.
   */
  | 'ERR_IMAGE_STORE_UNAVAILABLE';

/** What {@link ImageStoreError} takes besides its code and message. */
export interface ImageStoreErrorOptions extends ErrorOptions {
  /** What to do about it, when that is known. */
  readonly hint?: string | undefined;
}

/** The image store could not do what was asked. */
export class ImageStoreError extends Error {
  readonly code: ImageStoreErrorCode;
  override name = 'ImageStoreError';
  /** What to do about it, when that is known. */
  readonly hint: string | undefined;

  constructor(code: ImageStoreErrorCode, message: string, { cause, hint }: ImageStoreErrorOptions = {}) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    this.hint = hint;
  }
}
