/** Why credentials could not be looked up or kept. */
export type CredentialsErrorCode =
  /** When: a credentials file cannot be read, parsed or written. Retry: no. Do: correct the file that the message names. */
  | 'ERR_CREDENTIALS_FILE'
  /** When: a credential helper is missing, failed, hung or answered nonsense. Retry: perhaps. Do: run `docker-credential-NAME list` by hand, or take the helper out of the file that the message names. */
  | 'ERR_CREDENTIAL_HELPER';

/** Credentials could not be looked up or kept. Messages hold no secret and nothing of a file's content. */
export class CredentialsError extends Error {
  readonly code: CredentialsErrorCode;
  override name = 'CredentialsError';
  /** What to do, where the fix is known. */
  readonly hint: string | undefined;

  constructor(
    code: CredentialsErrorCode,
    message: string,
    options: { readonly hint?: string | undefined; readonly cause?: unknown } = {},
  ) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined);
    this.code = code;
    this.hint = options.hint;
  }
}
