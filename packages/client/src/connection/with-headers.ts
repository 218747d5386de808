import { aFunction, anObject, assertArgument, kind } from '@slipway/arguments';
import type { DispatcherFactory } from '@slipway/registry-client';
import { withDispatch } from './with-dispatch.ts';

const aURL = kind('a URL', (value) => value instanceof URL);

/** Has every request to the registry itself carry headers; those to token servers and storage elsewhere do not. */
export function withHeaders(
  factory: DispatcherFactory,
  headers: Readonly<Record<string, string>>,
  registry: URL,
): DispatcherFactory {
  assertArgument('factory', factory, aFunction);
  assertArgument('headers', headers, anObject);
  assertArgument('registry', registry, aURL);
  const extra = Object.entries(headers).flat();
  if (extra.length === 0) return factory;
  return (options) => {
    const dispatcher = factory(options);
    return withDispatch(dispatcher, (request, handler) => {
      if (String(request.origin) !== registry.origin) return dispatcher.dispatch(request, handler);
      return dispatcher.dispatch({ ...request, headers: [...pairsOf(request.headers), ...extra] }, handler);
    });
  };
}

/** undici takes headers as an object, a flat list, or pairs. */
function pairsOf(headers: unknown): readonly string[] {
  if (Array.isArray(headers)) return headers.flat() as readonly string[];
  if (typeof headers !== 'object' || headers === null) return [];
  const isIterable = Symbol.iterator in headers;
  const pairs = isIterable ? [...(headers as Iterable<readonly [string, string]>)] : Object.entries(headers);
  return pairs.flatMap(([name, value]) => (value === undefined ? [] : [name, String(value)]));
}
