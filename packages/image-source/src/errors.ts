/** Everything that can be wrong with a source. Match on these, not on messages. */
export type SourceErrorCode =
  /**
   * When: the text is not how a source is written: something is missing behind a transport, or what chooses an image is
   * malformed. Retry: no. Do: correct the text.
   */
  | 'ERR_SOURCE_TEXT'
  /**
   * When: the path, the stored blob, the image asked for by tag, digest, position or name, or the docker context is not
   * there. Retry: no. Do: follow the hint; it lists what is there.
   */
  | 'ERR_SOURCE_NOT_FOUND'
  /**
   * When: the source is not what it says: damaged, truncated, hostile, or no image at all. Retry: no. Do: make the
   * archive again.
   */
  | 'ERR_SOURCE_INVALID'
  /**
   * When: the file changed after it was opened. Retry: yes, by opening the source again. Do: wait until whatever writes
   * the file is done.
   */
  | 'ERR_SOURCE_CHANGED'
  /**
   * When: standard input was read before, or the source is already disposed. Retry: no. Do: open the source once, keep
   * it while its content is read.
   */
  | 'ERR_SOURCE_CONSUMED'
  /**
   * When: the operating system refuses to read it; or a Docker daemon refuses, breaks off or is not there. Retry: no,
   * but for a daemon. Do: check permissions and the disk, or the daemon.
   */
  | 'ERR_SOURCE_UNREADABLE'
  /** When: it is recognised, but is not of a kind that can be opened here. Retry: no. Do: follow the hint. */
  | 'ERR_SOURCE_UNSUPPORTED'
  /**
   * When: something that is to go into a layer cannot be kept there: a socket, a device, a name that is no UTF-8 or
   * that means a deletion, a path that leads out or that two of them have. Retry: no. Do: rename it, or leave it out
   * with `exclude`.
   */
  | 'ERR_SOURCE_ENTRY'
  /**
   * When: what an artifact's file is to be called leads out of the folder it is pulled into, has no name, or is that of
   * another one. Retry: no. Do: give it another title, or push it as an artifact of its own.
   */
  | 'ERR_SOURCE_TITLE'
  /**
   * When: a compressed archive or standard input could not be written to the temporary folder. Retry: after making
   * room. Do: choose another folder, or decompress beforehand.
   */
  | 'ERR_SOURCE_SPOOL';

/** What {@link SourceError} takes besides its code and message. */
export interface SourceErrorOptions {
  readonly cause?: unknown;
  /** What to do about it, when that is known. */
  readonly hint?: string | undefined;
}

/** An image source could not be opened or read. */
export class SourceError extends Error {
  readonly code: SourceErrorCode;
  override name = 'SourceError';
  /** Which side of a push failed. */
  readonly origin = 'source' as const;
  /** What to do about it, when that is known. */
  readonly hint: string | undefined;

  constructor(code: SourceErrorCode, message: string, { cause, hint }: SourceErrorOptions = {}) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    this.hint = hint;
  }
}

/** Short for the commonest refusal: {@link SourceError} with `ERR_SOURCE_INVALID`. */
export function invalidSource(message: string, options?: SourceErrorOptions): SourceError {
  return new SourceError('ERR_SOURCE_INVALID', message, options);
}

/** Short for a text that is no source: {@link SourceError} with `ERR_SOURCE_TEXT`. */
export function malformedText(message: string, options?: SourceErrorOptions): SourceError {
  return new SourceError('ERR_SOURCE_TEXT', message, options);
}

/** What a caller's content said of its size, and what there was. */
export function wrongSize(label: string, actual: number | 'more'): SourceError {
  const message = `${label} has ${actual === 'more' ? 'more' : 'fewer'} bytes than it said`;
  return new SourceError('ERR_SOURCE_CHANGED', message);
}

/** What the operating system says when a path cannot be read, as a {@link SourceError} that names the path. */
export function fromSystemError(cause: unknown, path: string): unknown {
  const { code } = cause as NodeJS.ErrnoException;
  if (code === undefined || cause instanceof SourceError) return cause;
  const quoted = JSON.stringify(path);
  if (code === 'ENOENT' || code === 'ENOTDIR') {
    return new SourceError('ERR_SOURCE_NOT_FOUND', `Cannot open ${quoted}: no such file or folder`, { cause });
  }
  if (code === 'EACCES' || code === 'EPERM') {
    const hint = 'The user that runs this needs the right to read it';
    return new SourceError('ERR_SOURCE_UNREADABLE', `Cannot open ${quoted}: permission denied`, { cause, hint });
  }
  return new SourceError('ERR_SOURCE_UNREADABLE', `Cannot read ${quoted}: ${code}`, { cause });
}
