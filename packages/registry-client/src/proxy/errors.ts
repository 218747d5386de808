/** Why a proxy cannot be used. */
export type ProxyErrorCode =
  /**
   * When: a proxy variable is not the address of an HTTP or SOCKS5 proxy. Retry: no. Do: correct the variable that the
   * message names.
   */
  | 'ERR_PROXY_INVALID'
  /**
   * When: the proxy does not open the way to the registry. Retry: no. Do: check the user and password in the proxy's
   * address (407), or the proxy's rules.
   */
  | 'ERR_PROXY_REFUSED';

/** A proxy cannot be used. Messages hold no user and no password. */
export class ProxyError extends Error {
  readonly code: ProxyErrorCode;
  override name = 'ProxyError';
  /** Not helped by another attempt. */
  readonly transient: boolean = false;

  constructor(code: ProxyErrorCode, message: string, options?: { readonly cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}
