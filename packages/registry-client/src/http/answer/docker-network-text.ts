import { redactURL } from '../redirect/redact-url.ts';

/** What of a failure decides docker's words for it. */
export interface NetworkFailure {
  readonly method: string;
  readonly url: URL;
  /** As `RegistryError.reason`: a code of the system, of TLS, or `timeout`. */
  readonly code: string;
  /** What Node says, for what docker's language says in other words. */
  readonly said: string;
  readonly cause: unknown;
}

/** What follows `connect: ` where no connection was had. */
const connectTexts: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  EHOSTUNREACH: 'no route to host',
  ENETUNREACH: 'network is unreachable',
  ENETDOWN: 'network is down',
  ETIMEDOUT: 'connection timed out',
};

/**
 * A failure of the network in the words of docker's daemon, such as
 * `Get "https://h/v2/": dial tcp 127.0.0.1:443: connect: connection refused`. User, query and fragment of the address
 * are left out, which docker prints.
 *
 * @see https://pkg.go.dev/net/url#Error
 */
export function dockerNetworkText(failure: NetworkFailure): string {
  const { method, url } = failure;
  const name = method.slice(0, 1).toUpperCase() + method.slice(1).toLowerCase();
  return `${name} ${JSON.stringify(redactURL(url))}: ${textOf(failure)}`;
}

function textOf({ url, code, said, cause }: NetworkFailure): string {
  const connect = connectTexts[code];
  if (connect !== undefined) return `dial tcp ${addressOf(cause, url)}: connect: ${connect}`;
  if (code === 'ENOTFOUND') return `dial tcp: lookup ${url.hostname}: no such host`;
  if (code === 'EAI_AGAIN') return `dial tcp: lookup ${url.hostname}: Temporary failure in name resolution`;
  if (code === 'timeout') return 'context deadline exceeded (Client.Timeout exceeded while awaiting headers)';
  if (code === 'EPIPE') return 'write: broken pipe';
  if (code === 'ECONNRESET') return /reset/i.test(said) ? 'read: connection reset by peer' : 'EOF';
  return tlsText(code, said) ?? said;
}

function tlsText(code: string, said: string): string | undefined {
  if (/wrong version number|packet length too long|http request/i.test(said)) {
    return 'http: server gave HTTP response to HTTPS client';
  }
  const failed = 'tls: failed to verify certificate: x509: ';
  if (code === 'CERT_HAS_EXPIRED' || code === 'CERT_NOT_YET_VALID') {
    return `${failed}certificate has expired or is not yet valid`;
  }
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') return `${failed}${said}`;
  const isUnknown = /^(?:UNABLE_TO_(?:GET|VERIFY)|DEPTH_ZERO_SELF_SIGNED|SELF_SIGNED)/.test(code);
  return isUnknown ? `${failed}certificate signed by unknown authority` : undefined;
}

/** The address that was tried last, as far as Node tells, else the host that was asked for. */
function addressOf(cause: unknown, url: URL): string {
  const failures = cause instanceof AggregateError ? cause.errors : [cause];
  for (const one of failures.toReversed() as readonly unknown[]) {
    const { address, port } = (one ?? {}) as { readonly address?: unknown; readonly port?: unknown };
    if (typeof address !== 'string' || typeof port !== 'number') continue;
    return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
  }
  return `${url.hostname}:${url.port || (url.protocol === 'http:' ? '80' : '443')}`;
}
