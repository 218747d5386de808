/**
 * Reaches registries through the proxies that the environment or docker's configuration names: http, https and SOCKS5.
 *
 * @packageDocumentation
 */
export { ProxyError, type ProxyErrorCode, type ProxyErrorOptions } from './proxy/errors.ts';
export { dispatcherFor } from './proxy/proxy-dispatcher.ts';
export { type ProxyVariables, proxyFor } from './proxy/proxy-for.ts';
export { readProxyVariables } from './proxy/proxy-variables.ts';
