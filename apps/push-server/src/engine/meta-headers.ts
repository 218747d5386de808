import type { IncomingHttpHeaders } from 'node:http';
import type { DispatcherFactory } from '@slipway/registry-client';

/** Headers that a client wants the registry to see: lower-case name to value. */
export type MetaHeaders = Readonly<Record<string, string>>;

/** The `X-Meta-*` headers of a request. */
export function metaHeadersOf(headers: IncomingHttpHeaders): MetaHeaders {
  const found = Object.entries(headers).filter(([name]) => name.startsWith('x-meta-'));
  return Object.fromEntries(
    found.map(([name, value]) => [name, Array.isArray(value) ? value.join(', ') : (value ?? '')]),
  );
}

/** Has every request to the registry itself carry them; those to token servers and storage elsewhere do not. */
export function withMetaHeaders(factory: DispatcherFactory, headers: MetaHeaders, registry: URL): DispatcherFactory {
  const extra = Object.entries(headers);
  if (extra.length === 0) return factory;
  return (options) =>
    factory(options).compose((dispatch) => (request, handler) => {
      if (String(request.origin) !== registry.origin) return dispatch(request, handler);
      return dispatch({ ...request, headers: [...pairsOf(request.headers), ...extra.flat()] }, handler);
    });
}

/** undici takes headers as an object, a flat list, or pairs. */
function pairsOf(headers: unknown): readonly string[] {
  if (Array.isArray(headers)) return headers.flat() as readonly string[];
  if (typeof headers !== 'object' || headers === null) return [];
  const isIterable = Symbol.iterator in headers;
  const pairs = isIterable ? [...(headers as Iterable<readonly [string, string]>)] : Object.entries(headers);
  return pairs.flatMap(([name, value]) => (value === undefined ? [] : [name, String(value)]));
}
