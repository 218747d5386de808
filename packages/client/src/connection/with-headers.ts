import { aFunction, anObject, assertArgument, kind } from '@slipway/arguments';
import type { DispatcherFactory } from '@slipway/registry-client';

type Dispatcher = ReturnType<DispatcherFactory>;

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
    const dispatch: Dispatcher['dispatch'] = (request, handler) => {
      if (String(request.origin) !== registry.origin) return dispatcher.dispatch(request, handler);
      return dispatcher.dispatch({ ...request, headers: [...pairsOf(request.headers), ...extra] }, handler);
    };
    // Not by `compose`: what that makes cannot be closed where the dispatcher has private members.
    return new Proxy(dispatcher, {
      get(target, name) {
        if (name === 'dispatch') return dispatch;
        const member: unknown = Reflect.get(target, name, target);
        return name === 'close' || name === 'destroy' ? (member as () => unknown).bind(target) : member;
      },
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
