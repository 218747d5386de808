import { ProxyError } from './errors.ts';
import { isDirect } from './no-proxy.ts';

/** Environment variables; those of proxies count, in capitals before small letters. */
export type ProxyVariables = Readonly<Record<string, string | undefined>>;

/**
 * The proxy for a URL, undefined for a direct connection: `HTTPS_PROXY` for https, `HTTP_PROXY` for http, else
 * `ALL_PROXY`, unless `NO_PROXY` says otherwise. This machine is never reached by a proxy. A value without a scheme is
 * an http proxy; `socks5` and `socks5h` are SOCKS proxies, which resolve the names themselves, as Go has it for both.
 * The returned URL may hold a user and a password.
 *
 * @throws {ProxyError} `ERR_PROXY_INVALID` when the variable is not the address of an HTTP or SOCKS5 proxy
 */
export function proxyFor(url: URL, variables: ProxyVariables): URL | undefined {
  const { REQUEST_METHOD: isCGI } = variables;
  const isHTTPS = url.protocol === 'https:';
  const host = url.hostname.replace(/^\[|\]$/g, '');
  if (isDirect({ host, port: url.port || (isHTTPS ? '443' : '80') }, variable(variables, 'NO_PROXY') ?? ''))
    return undefined;
  for (const name of [isHTTPS ? 'HTTPS_PROXY' : 'HTTP_PROXY', 'ALL_PROXY']) {
    const value = variable(variables, name);
    // In a CGI script, `HTTP_PROXY` is what a request's `Proxy` header said. @see https://httpoxy.org
    if (value === undefined || (name === 'HTTP_PROXY' && isCGI)) continue;
    return parseProxy(name, value);
  }
  return undefined;
}

function variable(variables: ProxyVariables, name: string): string | undefined {
  return variables[name]?.trim() || variables[name.toLowerCase()]?.trim() || undefined;
}

function parseProxy(name: string, value: string): URL {
  const text = /^[a-z][a-z0-9+.-]*:\/\//i.test(value) ? value : `http://${value}`;
  // The address would end there, and what is left of the password would pass for its host and port.
  if (/^[^:]+:\/\/[^@]*[#?/\\].*@/s.test(text)) {
    throw new ProxyError(
      'ERR_PROXY_INVALID',
      `${name} has a #, ?, / or \\ in its user or password: write %23, %3F, %2F or %5C`,
    );
  }
  if (!URL.canParse(text)) throw new ProxyError('ERR_PROXY_INVALID', `${name} is not the address of a proxy`);
  const proxy = new URL(text);
  if (!isHTTP(proxy) && !isSocks(proxy)) {
    throw new ProxyError(
      'ERR_PROXY_INVALID',
      `${name} names a proxy of scheme ${JSON.stringify(proxy.protocol.slice(0, -1))}, expected http, ` +
        'https, socks5 or socks5h',
    );
  }
  return proxy;
}

/** Whether a proxy is a SOCKS proxy. */
export function isSocks({ protocol, hostname }: URL): boolean {
  return (protocol === 'socks5:' || protocol === 'socks5h:') && hostname !== '';
}

function isHTTP({ protocol }: URL): boolean {
  return protocol === 'http:' || protocol === 'https:';
}

/** A proxy's address without its user and password: `http://proxy.corp:3128`. */
export function proxyName({ protocol, host }: URL): string {
  return `${protocol}//${host}`;
}
