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
  /** When: a request is not what it has to be (400, 405, 408, 413). Retry: no. Do: what the message says. */
  | 'ERR_SERVER_REQUEST'
  /** When: a listener wants to know who asks, and the token is missing or not good. Retry: no. Do: send a token. */
  | 'ERR_SERVER_UNAUTHORIZED'
  /** When: the token's scopes, or the daemon's list of registries, do not allow it. Retry: no. Do: ask the operator. */
  | 'ERR_SERVER_FORBIDDEN'
  /** When: there is no such image, job or upload. Retry: no. Do: look at the name. */
  | 'ERR_SERVER_NOT_FOUND'
  /** When: what was asked for does not fit how the job or upload stands. Retry: no. Do: what the message says. */
  | 'ERR_SERVER_CONFLICT'
  /** When: an idempotency key was used for another request. Retry: no. Do: choose another key. */
  | 'ERR_SERVER_KEY_USED'
  /** When: the registry that a job reads from cannot be asked. Retry: yes. Do: look at its address and credentials. */
  | 'ERR_SERVER_SOURCE'
  /**
   * When: there is no place, Redis does not answer or refuses, or the daemon stops. Retry: after `Retry-After`. Do:
   * wait.
   */
  | 'ERR_SERVER_BUSY'
  /** When: slipwayd does not serve this part of Docker's API. Retry: no. Do: what the message says. */
  | 'ERR_SERVER_UNSUPPORTED'
  /** When: the quota or the disk has no room. Retry: once there is. Do: delete images, or raise `--disk-quota`. */
  | 'ERR_SERVER_DISK_FULL';

const codesByStatus: Readonly<Record<number, ServerErrorCode>> = {
  401: 'ERR_SERVER_UNAUTHORIZED',
  403: 'ERR_SERVER_FORBIDDEN',
  404: 'ERR_SERVER_NOT_FOUND',
  409: 'ERR_SERVER_CONFLICT',
  422: 'ERR_SERVER_KEY_USED',
  501: 'ERR_SERVER_UNSUPPORTED',
  502: 'ERR_SERVER_SOURCE',
  503: 'ERR_SERVER_BUSY',
  504: 'ERR_SERVER_SOURCE',
  507: 'ERR_SERVER_DISK_FULL',
};

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

/** What a request's refusal says besides its message: the fields of a failed job. */
export interface RequestErrorOptions extends ErrorOptions {
  /** The code of the error that caused it, where that says more. */
  readonly reason?: string | undefined;
  /** The side that failed. */
  readonly origin?: 'source' | undefined;
  /** What to do about it. */
  readonly hint?: string | undefined;
}

/** A request that is answered with this status and this message. */
export class RequestError extends Error {
  readonly code: ServerErrorCode;
  override name = 'RequestError';
  readonly status: number;
  readonly reason: string | undefined;
  readonly origin: 'source' | undefined;
  readonly hint: string | undefined;

  constructor(status: number, message: string, { reason, origin, hint, ...options }: RequestErrorOptions = {}) {
    super(message, options);
    this.status = status;
    this.reason = reason;
    this.origin = origin;
    this.hint = hint;
    this.code = codesByStatus[status] ?? 'ERR_SERVER_REQUEST';
  }
}
