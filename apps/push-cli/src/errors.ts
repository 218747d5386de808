export type CliErrorCode =
  /**
   * When: the command line asks for something that does not exist or does not fit together. Retry: no. Do: see
   * `slipway COMMAND --help`.
   */
  | 'ERR_CLI_USAGE'
  /** When: the source holds nothing that can be pushed. Retry: no. Do: look at it with `slipway inspect`. */
  | 'ERR_CLI_NO_ITEM'
  /**
   * When: standard output, or a file that was asked for besides the push, cannot be written; the push itself is done.
   * Retry: no. Do: check the path, the permissions and the room on the disk.
   */
  | 'ERR_CLI_OUTPUT'
  /**
   * When: a registry does not accept the user name and the password of `slipway login`. Retry: no. Do: check both; some
   * registries want an access token in place of the password.
   */
  | 'ERR_CLI_LOGIN_REFUSED'
  /**
   * When: what `slipway delete` names is not in its registry. Retry: no. Do: check the repository and the tag; a
   * private repository that you may not read looks the same.
   */
  | 'ERR_CLI_NOT_THERE'
  /**
   * When: `slipway delete` would take more than was asked for, or the registry cannot do less, or the question was
   * answered with no. Retry: no. Do: read what hangs on it, then see `--manifest` and `--force`.
   */
  | 'ERR_CLI_DELETE_REFUSED'
  /** When: `slipway registry serve` cannot listen on its address, or use its folder. Retry: no. Do: choose another. */
  | 'ERR_CLI_LISTEN'
  /**
   * When: the slipwayd that was named does not answer. Retry: yes. Do: start it, or name another with `--daemon` or
   * `SLIPWAY_HOST`.
   */
  | 'ERR_CLI_DAEMON_UNREACHABLE'
  /**
   * When: the slipwayd wants a token, or the token lacks the right. Retry: no. Do: set `SLIPWAY_TOKEN`, or
   * `SLIPWAY_TOKEN_FILE`.
   */
  | 'ERR_CLI_DAEMON_DENIED'
  /** When: the slipwayd has no such job or image. Retry: no. Do: see `slipway job list`. */
  | 'ERR_CLI_DAEMON_NOT_FOUND'
  /**
   * When: the slipwayd cannot do what it was asked, or no slipwayd answers at its address. Retry: if it says so. Do:
   * read what it says.
   */
  | 'ERR_CLI_DAEMON_REFUSED'
  /** When: a signal (Ctrl-C) ended the work. Retry: yes, what was sent is not sent again. Do: run the command again. */
  | 'ERR_CLI_INTERRUPTED';

/** The program could not do what its arguments ask. */
export class CliError extends Error {
  readonly code: CliErrorCode;
  override name = 'CliError';
  /** What to do about it, if that is known. */
  readonly hint: string | undefined;

  constructor(
    code: CliErrorCode,
    message: string,
    options: { readonly hint?: string | undefined } & ErrorOptions = {},
  ) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined);
    this.code = code;
    this.hint = options.hint;
  }
}

/** Standard output cannot be written, and nothing else has failed. */
export function outputError(cause: Error): CliError {
  return new CliError('ERR_CLI_OUTPUT', `standard output cannot be written: ${cause.message}`, {
    cause,
    hint: 'check where standard output leads',
  });
}

/** Wrong usage: exit code 2. */
export function usageError(message: string, hint?: string): CliError {
  return new CliError('ERR_CLI_USAGE', message, { hint });
}
