import { isIPv6 } from 'node:net';
import { type buildConnector, type Dispatcher, Pool } from 'undici/index.js';
import { systemCodeOf } from '../answers/system-code.ts';
import { parseRetryAfter } from '../http/answer/retry-after.ts';
import { watchedConnector } from '../http/connection/connections.ts';
import { createConnector } from '../http/connection/direct-dispatcher.ts';
import { isNotTLS, isTLSCode, isVerificationCode } from '../http/connection/tls-code.ts';
import { tlsSentence } from '../http/connection/tls-sentence.ts';
import type { DispatcherOptions } from '../options.ts';
import { ProxyError } from './errors.ts';
import { proxyName } from './proxy-for.ts';

/** The way through an HTTP proxy to hosts that it must not listen to. */
export interface Tunnels {
  readonly connect: buildConnector.connector;
  /** The connections to the proxy that have not become tunnels yet. Whoever asks for tunnels destroys them. */
  readonly proxy: Dispatcher;
}

/**
 * Connects through an HTTP proxy, which is asked by CONNECT to open a tunnel. The connection to the proxy, TLS with it
 * and its answer to CONNECT have a limit each: a proxy that is silent is not waited for any longer than a host.
 *
 * @param authorization what the proxy is shown
 */
export function openTunnels(proxy: URL, authorization: string | undefined, options: DispatcherOptions): Tunnels {
  const pool = new Pool(proxy.origin, {
    connect: watchedConnector(createProxyConnector(proxy, options)),
    headersTimeout: options.connectTimeoutMs,
    maxHeaderSize: options.maxHeaderSize,
  });
  return {
    proxy: pool,
    connect: ({ hostname, port }, callback) => {
      const target = `${isIPv6(hostname) ? `[${hostname}]` : hostname}:${port}`;
      const headers = {
        host: target,
        'proxy-connection': 'keep-alive',
        ...(authorization !== undefined && { 'proxy-authorization': authorization }),
      };
      pool.connect({ path: target, headers }).then(
        (answer) => {
          const { socket, statusCode: status } = answer;
          if (status >= 200 && status < 300) return callback(null, socket as import('node:net').Socket);
          socket.on('error', () => {}).destroy();
          return callback(refusal(proxy, status, answer.headers['retry-after']), null);
        },
        (error: Error) => callback(explained(error, proxy, options), null),
      );
    },
  };
}

/** The registry's own name and client certificate are not for its proxy, nor is the registry's way to find hosts. */
function createProxyConnector(proxy: URL, { lookup, ...options }: DispatcherOptions): buildConnector.connector {
  const { servername, cert, key, ...tls } = options.tls;
  const connect = createConnector({ ...options, tls });
  return (target, callback) =>
    connect(target, (error, socket) =>
      error === null ? callback(null, socket) : callback(withoutTLS(error, proxy), null),
    );
}

/** TLS failed with the proxy: told as such, since the registry has not been spoken to. */
function withoutTLS(error: Error, proxy: URL): Error {
  const code = systemCodeOf(error);
  if (!isTLSCode(code)) return error;
  return new ProxyError(
    'ERR_PROXY_TLS',
    `TLS with the proxy ${proxyName(proxy)} failed: ${tlsSentence(code, error.message)}`,
    {
      cause: error,
      hint: tlsHint(error, proxy),
    },
  );
}

function tlsHint(error: Error, { host }: URL): string | undefined {
  if (isNotTLS(error.message)) {
    return `the proxy does not speak TLS: write http://${host} in HTTPS_PROXY, or where else it is named`;
  }
  return isVerificationCode(systemCodeOf(error))
    ? "have the authority of the proxy's certificate trusted here: SSL_CERT_FILE names a file of more of them"
    : undefined;
}

/** What a proxy answers when it, or what it leads to, is busy or broken: another attempt may find it well. */
function isPassing(status: number): boolean {
  return status === 408 || status === 425 || status === 429 || status >= 500;
}

function refusal(proxy: URL, status: number, retryAfter: string | string[] | undefined): ProxyError {
  const name = proxyName(proxy);
  if (status === 407) return wantsAnotherUser(proxy);
  const transient = isPassing(status);
  const header = typeof retryAfter === 'string' ? retryAfter : retryAfter?.[0];
  return new ProxyError('ERR_PROXY_REFUSED', `the proxy ${name} refused CONNECT (${status})`, {
    transient,
    retryAfterMs: transient ? parseRetryAfter(header, Date.now()) : undefined,
  });
}

/** The failure of a proxy that asks for a user and password, or for others. */
export function wantsAnotherUser(proxy: URL, cause?: Error): ProxyError {
  return new ProxyError(
    'ERR_PROXY_REFUSED',
    `the proxy ${proxyName(proxy)} wants another user name or password (407)`,
    { cause },
  );
}

/** No answer to CONNECT: undici's own words speak of a request that nobody has heard of. */
function explained(error: Error, proxy: URL, { connectTimeoutMs }: DispatcherOptions): Error {
  const name = proxyName(proxy);
  const code = systemCodeOf(error);
  if (code === 'UND_ERR_HEADERS_TIMEOUT') {
    return Object.assign(
      new Error(`the proxy ${name} did not answer CONNECT within ${connectTimeoutMs} ms`, { cause: error }),
      { code: 'UND_ERR_CONNECT_TIMEOUT' },
    );
  }
  if (code === 'UND_ERR_SOCKET') {
    // Undici would take its own code for the end of an earlier request, and ask the proxy again and again.
    return Object.assign(
      new Error(`the proxy ${name} closed the connection and did not answer CONNECT`, { cause: error }),
      { code: 'ECONNRESET' },
    );
  }
  if (error.name === 'HTTPParserError') {
    return new ProxyError('ERR_PROXY_REFUSED', `the proxy ${name} does not answer in HTTP`, {
      cause: error,
      hint: "check the proxy's address: one that speaks TLS is written with https://, a SOCKS proxy with socks5://",
    });
  }
  return error;
}
