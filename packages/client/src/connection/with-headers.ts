import { aFunction, anObject, assertArgument, kind } from '@slipway/arguments';
import type { DispatcherFactory } from '@slipway/registry-client';
import { withDispatch } from './with-dispatch.ts';

const aURL = kind('a URL', (value) => value instanceof URL);

/**
 * Has every request to the registry itself carry headers, in the place of its own of the same name; those to token
 * servers and storage elsewhere do not.
 */
export function withHeaders(
  factory: DispatcherFactory,
  headers: Readonly<Record<string, string>>,
  registry: URL,
): DispatcherFactory {
  assertArgument('factory', factory, aFunction);
  assertArgument('headers', headers, anObject);
  assertArgument('registry', registry, aURL);
  const extra = Object.entries(headers);
  if (extra.length === 0) return factory;
  const names = new Set(extra.map(([name]) => name.toLowerCase()));
  return (options) => {
    const dispatcher = factory(options);
    return withDispatch(dispatcher, (request, handler) => {
      if (String(request.origin) !== registry.origin) return dispatcher.dispatch(request, handler);
      const others = pairsOf(request.headers).filter(([name]) => !names.has(name.toLowerCase()));
      return dispatcher.dispatch({ ...request, headers: [...others, ...extra].flat() }, handler);
    });
  };
}

/** undici takes headers as an object, a flat list, or pairs. */
function pairsOf(headers: unknown): readonly (readonly [name: string, value: string])[] {
  if (typeof headers !== 'object' || headers === null) return [];
  const isFlat = Array.isArray(headers) && typeof headers[0] === 'string';
  if (isFlat) return headers.flatMap((name, at) => (at % 2 === 0 ? [[String(name), String(headers[at + 1])]] : []));
  const isIterable = Symbol.iterator in headers;
  const pairs = isIterable ? [...(headers as Iterable<readonly [string, unknown]>)] : Object.entries(headers);
  return pairs.flatMap(([name, value]) => (value === undefined ? [] : [[name, String(value)]]));
}
