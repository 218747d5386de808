/** Everything that `slipwayd` itself can find wrong. */
export type ServerErrorCode =
  /**
   * When: the configuration file, a flag or a `SLIPWAYD_*` variable is not what it has to be; the message lists every
   * fault. Retry: no. Do: correct what the message names, and try `slipwayd --check-config`.
   */
  | 'ERR_SERVER_CONFIG'
  /**
   * When: another daemon works in the data folder. Retry: once it has stopped. Do: stop it, choose another
   * `--data-dir`, or let both share their jobs with `--redis`.
   */
  | 'ERR_SERVER_FOLDER_IN_USE'
  /**
   * When: an address cannot be listened on. Retry: once it is free. Do: look for another daemon, or for missing
   * permissions.
   */
  | 'ERR_SERVER_LISTEN'
  /**
   * When: `slipwayd health` asked a daemon that does not answer, or that cannot work. Retry: yes. Do: what the message
   * says is wrong; look into the daemon's log.
   */
  | 'ERR_SERVER_UNHEALTHY'
  /** When: a token or its scope is malformed, or no token has that id. Retry: no. Do: see `slipwayd token list`. */
  | 'ERR_SERVER_TOKEN'
  /**
   * When: the Redis of `--redis` cannot be reached, or would throw keys away when it is full. Retry: once it answers.
   * Do: check the URL, and `maxmemory-policy noeviction`.
   */
  | 'ERR_SERVER_REDIS'
  /**
   * When: the daemon died several times while it worked on this push job alone, and the job brought nothing forward.
   * Retry: no. Do: look into the log for what ended the daemon, then retry the job.
   */
  | 'ERR_SERVER_JOB_ATTEMPTS'
  /**
   * When: a request cannot be answered as it was asked; `status` says in what way. Retry: if `status` is 503. Do: what
   * the message says.
   */
  | 'ERR_SERVER_REQUEST';

/** The daemon cannot start, or a command of it cannot be carried out. */
export class ServerError extends Error {
  readonly code: ServerErrorCode;
  override name = 'ServerError';
  /** What to do about it, when that is known. */
  readonly hint: string | undefined;

  constructor(code: ServerErrorCode, message: string, { hint, cause }: ErrorOptions & { readonly hint?: string } = {}) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    this.hint = hint;
  }
}

/** A request that is answered with this status and this message. */
export class RequestError extends Error {
  readonly code: ServerErrorCode = 'ERR_SERVER_REQUEST';
  override name = 'RequestError';
  readonly status: number;

  constructor(status: number, message: string, options?: ErrorOptions) {
    super(message, options);
    this.status = status;
  }
}
