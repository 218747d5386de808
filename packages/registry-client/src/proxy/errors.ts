/** Why a proxy cannot be used. */
export type ProxyErrorCode =
  /**
   * When: a proxy variable is not the address of an HTTP or SOCKS5 proxy. Retry: no. Do: correct the variable that the
   * message names.
   */
  | 'ERR_PROXY_INVALID'
  /**
   * When: the proxy does not open the way to the registry. Retry: if `transient`, after `retryAfterMs` if given. Do:
   * check the user and password in the proxy's address (407), or the proxy's rules.
   */
  | 'ERR_PROXY_REFUSED'
  /**
   * When: TLS with an https proxy itself failed, before the registry was asked for. Retry: no. Do: read `hint`: the
   * proxy may speak plain http, or have a certificate that is not trusted here.
   */
  | 'ERR_PROXY_TLS';

/** What is known of a failure beside its code. */
export interface ProxyErrorOptions {
  readonly cause?: unknown;
  readonly transient?: boolean | undefined;
  readonly retryAfterMs?: number | undefined;
  readonly hint?: string | undefined;
}

/** A proxy cannot be used. Messages hold no user and no password. */
export class ProxyError extends Error {
  readonly code: ProxyErrorCode;
  override name = 'ProxyError';
  /** Whether the same request may succeed later: the proxy is busy, or cannot reach the registry for now. */
  readonly transient: boolean;
  /** What the proxy asked to wait, from `Retry-After`. */
  readonly retryAfterMs: number | undefined;
  /** What to do, where the fix is known. */
  readonly hint: string | undefined;

  constructor(code: ProxyErrorCode, message: string, options: ProxyErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.transient = options.transient ?? false;
    this.retryAfterMs = options.retryAfterMs;
    this.hint = options.hint;
  }
}
