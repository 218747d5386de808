/** Why credentials could not be looked up or kept. */
export type CredentialsErrorCode =
  /**
   * When: a credentials file cannot be read, parsed or written. Retry: no. Do: correct the file that the message names.
   */
  | 'ERR_CREDENTIALS_FILE'
  /**
   * When: a credential helper is missing, failed, hung or answered nonsense. Retry: perhaps. Do: run
   * `docker-credential-NAME list` by hand, or take the helper out of the file that the message names.
   */
  | 'ERR_CREDENTIAL_HELPER';

/** What exactly was wrong. */
export type CredentialsErrorReason =
  /** The file that was named does not exist. */
  | 'missing'
  /** The file is there and cannot be read; the cause has the system's code. */
  | 'unreadable'
  /** The file is no JSON, or JSON of another shape. */
  | 'malformed'
  /** What the file says of this registry cannot be understood. */
  | 'malformed-entry'
  /** The file cannot be written. */
  | 'unwritable'
  /** There is no such program in PATH. */
  | 'helper-missing'
  /** The helper could not be started. */
  | 'helper-not-started'
  /** The helper took longer than it may. */
  | 'helper-timeout'
  /** The helper ended with a failure. */
  | 'helper-failed'
  /** What the helper answered is not what a helper answers. */
  | 'helper-nonsense';

/** What is known of a failure, for whoever words the advice. */
export interface CredentialsErrorFacts {
  readonly reason: CredentialsErrorReason;
  /** Path of the file that it is about, or the name of the variable that holds one. */
  readonly file: string;
  /** The environment variable that names the file; undefined when it lies where it is looked for anyway. */
  readonly namedBy?: string | undefined;
  /** The program of a helper: `docker-credential-pass`. */
  readonly helper?: string | undefined;
}

/** Credentials could not be looked up or kept. Messages hold no secret and nothing of a file's content. */
export class CredentialsError extends Error {
  readonly code: CredentialsErrorCode;
  override name = 'CredentialsError';
  readonly facts: CredentialsErrorFacts;

  constructor(
    code: CredentialsErrorCode,
    message: string,
    facts: CredentialsErrorFacts,
    options: { readonly cause?: unknown } = {},
  ) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined);
    this.code = code;
    this.facts = facts;
  }
}
