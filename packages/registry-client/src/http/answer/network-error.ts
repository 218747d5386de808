import { machineHint, machineLimitOf } from '@slipway/digest';
import { RegistryError, type RegistryErrorDetails } from '../../errors.ts';
import type { ProxyError } from '../../proxy/errors.ts';
import { isNotTLS, isTLSCode, isVerificationCode } from '../connection/tls-code.ts';
import { closedBeforeTLS, tlsSentence } from '../connection/tls-sentence.ts';
import { redactURL } from '../redirect/redact-url.ts';
import { dockerNetworkText } from './docker-network-text.ts';

/** Turns what the network or undici threw into a {@link RegistryError}. */
export function networkError({ method, url, proxy }: FailedRequest, cause: unknown): RegistryError {
  const { what, ...details } = classify({ url, proxy }, cause);
  const code = details.reason === 'tls' ? codeOf(cause) : (details.reason ?? codeOf(cause));
  const dockerMessage = dockerNetworkText({ method, url, code, said: messageOf(cause), cause });
  return new RegistryError(`${method} ${redactURL(url)} failed: ${what}`, { ...details, dockerMessage, proxy, cause });
}

/** No byte moved, or no answer came, for as long as was allowed. */
export function timeoutError({ method, url, proxy }: FailedRequest, what: string, timeoutMs: number): RegistryError {
  return new RegistryError(`${method} ${redactURL(url)} failed: ${what} within ${timeoutMs} ms`, {
    code: 'ERR_REGISTRY_UNREACHABLE',
    reason: 'timeout',
    dockerMessage: dockerNetworkText({ method, url, code: 'timeout', said: what, cause: undefined }),
    transient: true,
    proxy,
  });
}

/** What is told of a request that got no answer. */
export interface FailedRequest {
  readonly method: string;
  readonly url: URL;
  /** The proxy that it went through. */
  readonly proxy: string | undefined;
}

interface Classified extends RegistryErrorDetails {
  readonly what: string;
}

/** Failures of the moment: the name resolved, the peer is there, the connection did not hold. */
const transientReasons: ReadonlySet<string> = new Set([
  'ECONNABORTED',
  'ECONNREFUSED',
  'ECONNRESET',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETDOWN',
  'ENETUNREACH',
  'EPIPE',
  'ETIMEDOUT',
]);

const timeoutCodes: ReadonlySet<string> = new Set([
  'UND_ERR_CONNECT_TIMEOUT',
  'UND_ERR_HEADERS_TIMEOUT',
  'UND_ERR_BODY_TIMEOUT',
]);

/** Whoever asked has disposed the registry, or what it belongs to. */
const closedCodes: ReadonlySet<string> = new Set(['UND_ERR_DESTROYED', 'UND_ERR_CLOSED']);

/** A connection that ended, by an end, a reset or a write into it: which of them is told differs between runtimes. */
const endCodes: ReadonlySet<string> = new Set(['UND_ERR_SOCKET', 'ECONNRESET', 'EPIPE']);
const lookupCodes: ReadonlySet<string> = new Set(['ENOTFOUND', 'EAI_AGAIN']);

/** What was asked for when the registry was disposed, and no request was under way for it. */
export function closedError(url: URL): RegistryError {
  return new RegistryError(`the connections to ${redactURL(url)} were closed here`, { code: 'ERR_REGISTRY_CLOSED' });
}

/** What happened is put in words by its code: runtimes have different words for it. */
function classify({ url, proxy }: Pick<FailedRequest, 'url' | 'proxy'>, cause: unknown): Classified {
  const code = codeOf(cause);
  const said = messageOf(cause);
  const limit = machineLimitOf(cause);
  if (limit !== undefined) {
    // File handles come back as other requests end; what has no memory to begin with has none the next time.
    const transient = limit === 'file handles';
    const what = said.replace(/ - Local \(undefined:undefined\)$/, ''); // an address that nothing was bound to
    return {
      code: 'ERR_REGISTRY_NOT_ASKED',
      reason: code || undefined,
      transient,
      what,
      hint: machineHint(limit),
    };
  }
  if (closedCodes.has(code)) return { code: 'ERR_REGISTRY_CLOSED', what: 'the connections to it were closed here' };
  const unreachable = 'ERR_REGISTRY_UNREACHABLE';
  if (isProxyError(cause)) {
    const { transient, retryAfterMs, hint } = cause;
    return { code: unreachable, reason: code, transient, retryAfterMs, hint, what: said };
  }
  if (timeoutCodes.has(code)) return { code: unreachable, reason: 'timeout', transient: true, what: said };
  if (endCodes.has(code)) {
    const reason = code === 'UND_ERR_SOCKET' ? 'ECONNRESET' : code;
    const what = /before secure TLS/.test(said) ? closedBeforeTLS : 'the connection was closed';
    return { code: unreachable, reason, transient: true, what };
  }
  if (code === 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH') {
    return { code: unreachable, reason: 'ECONNRESET', transient: true, what: `the connection was closed (${said})` };
  }
  if (code === 'UND_ERR_HEADERS_OVERFLOW') {
    return { code: 'ERR_REGISTRY_PROTOCOL', what: 'the headers of the answer are too large' };
  }
  if (code.startsWith('HPE_') || (cause instanceof Error && cause.name === 'HTTPParserError')) {
    const common = { code: 'ERR_REGISTRY_PROTOCOL', what: 'the answer is not HTTP' } as const;
    if (url.protocol !== 'http:' || !isTLSAlert(cause)) return common;
    return { ...common, reason: 'https-expected', hint: 'the registry expects https: give it a URL with https:' };
  }
  if (isTLSCode(code)) {
    return { code: unreachable, reason: 'tls', what: tlsSentence(code, said), hint: tlsHint(code, said) };
  }
  if (lookupCodes.has(code)) {
    // The name of a proxy, or of a server behind one, is known to what threw alone.
    const what = proxy === undefined ? `getaddrinfo ${code} ${url.hostname}` : said;
    const isTransient = transientReasons.has(code);
    const hint = isTransient ? undefined : `check the name ${JSON.stringify(url.hostname)}`;
    return { code: unreachable, reason: code, transient: isTransient, what, hint };
  }
  return {
    code: unreachable,
    reason: code === '' ? undefined : code,
    transient: transientReasons.has(code),
    what: said,
  };
}

/** By its code: few have a proxy, and its class is loaded for them alone. */
function isProxyError(cause: unknown): cause is ProxyError {
  return codeOf(cause).startsWith('ERR_PROXY_');
}

function tlsHint(code: string, said: string): string | undefined {
  if (isNotTLS(said)) {
    return 'the registry seems to speak plain http: give it a URL with http:';
  }
  if (/certificate required|handshake failure|bad certificate/i.test(said)) {
    return 'the registry may want a client certificate: give it with `connect.cert` and `connect.key`';
  }
  return isVerificationCode(code)
    ? 'give the certificate of the authority that the registry is to be trusted by with `connect.ca`'
    : undefined;
}

/** What OpenSSL's servers answer to plain HTTP; undici's error has the bytes that it could not read. */
function isTLSAlert(error: unknown): boolean {
  return error instanceof Error && 'data' in error && String(error.data).startsWith('\x15\x03');
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
}

function messageOf(error: unknown): string {
  if (error instanceof AggregateError && error.message === '') {
    return [...new Set(error.errors.map(messageOf))].join('; '); // one per address that was tried
  }
  return error instanceof Error ? error.message.trim() : String(error);
}
