/** A dispatcher that knows which way its requests go. */
export interface ProxyAware {
  /** The name of the proxy for a URL; undefined for a direct connection. */
  proxyNameFor(url: URL): string | undefined;
}

/** The name of the proxy that a dispatcher sends a request through, as far as it tells. */
export function proxyOf(dispatcher: object, url: URL): string | undefined {
  return 'proxyNameFor' in dispatcher ? (dispatcher as ProxyAware).proxyNameFor(url) : undefined;
}
