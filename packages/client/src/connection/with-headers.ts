import type { DispatcherFactory } from '@slipway/registry-client';

/** Has every request to the registry itself carry headers; those to token servers and storage elsewhere do not. */
export function withHeaders(
  factory: DispatcherFactory,
  headers: Readonly<Record<string, string>>,
  registry: URL,
): DispatcherFactory {
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
