/** Why a file is not read. What the operating system says comes as it says it. */
export type FileRefusedErrorCode =
  /** When: it is a pipe or a device, or, where a file is opened, a folder. Retry: no. Do: name a file. */
  | 'ERR_FILE_KIND'
  /** When: it has more bytes than were allowed. Retry: no. Do: check that it is the right file. */
  | 'ERR_FILE_TOO_LARGE';

/** Something lies at the path, and it is not read. */
export class FileRefusedError extends Error {
  readonly code: FileRefusedErrorCode;
  override name = 'FileRefusedError';
  /** The reason alone, for messages of one's own: `it is a pipe, not a file`. */
  readonly why: string;

  constructor(code: FileRefusedErrorCode, path: string, why: string) {
    super(`Cannot read ${JSON.stringify(path)}: ${why}`);
    this.code = code;
    this.why = why;
  }
}
