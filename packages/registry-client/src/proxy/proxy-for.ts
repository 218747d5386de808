import { ProxyError } from './errors.ts';
import { isDirect } from './no-proxy.ts';

/** Environment variables; those of proxies count, in capitals before small letters. */
export type ProxyVariables = Readonly<Record<string, string | undefined>>;

/**
 * The proxy for a URL, undefined for a direct connection: `HTTPS_PROXY` for https, `HTTP_PROXY` for http, else
 * `ALL_PROXY`, unless `NO_PROXY` says otherwise. This machine is never reached by a proxy. A value without a scheme is an
 * http proxy. The returned URL may hold a user and a password.
 *
 * @throws {ProxyError} `ERR_PROXY_INVALID` when the variable is not the address of an HTTP proxy
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
  if (!URL.canParse(text)) throw new ProxyError('ERR_PROXY_INVALID', `${name} is not the address of a proxy`);
  const proxy = new URL(text);
  if (proxy.protocol !== 'http:' && proxy.protocol !== 'https:') {
    throw new ProxyError(
      'ERR_PROXY_INVALID',
      `${name} names a proxy of scheme ${JSON.stringify(proxy.protocol.slice(0, -1))}, expected http or https`,
    );
  }
  return proxy;
}
