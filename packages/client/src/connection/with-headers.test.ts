import type { DispatcherFactory } from '@slipway/registry-client';
import { expect, test } from 'vitest';
import { withHeaders } from './with-headers.ts';

const registry = new URL('https://registry.example');

type Dispatcher = ReturnType<DispatcherFactory>;
type Options = Parameters<Dispatcher['dispatch']>[0];

/** The headers that reach the wire where `headers` are asked for beside a request's own. */
function sent(headers: Record<string, string>, own: unknown, origin = registry.origin): unknown {
  let seen: unknown;
  const dispatch = (request: Options): boolean => {
    seen = request.headers;
    return true;
  };
  const factory = withHeaders(() => ({ dispatch }) as unknown as Dispatcher, headers, registry);
  const request = { origin, path: '/v2/', method: 'GET', headers: own } as Options;
  factory({} as Parameters<DispatcherFactory>[0]).dispatch(request, {});
  return seen;
}

test.each([
  ['an object', { accept: 'a', traceparent: 'own', absent: undefined }],
  ['a flat list', ['accept', 'a', 'traceparent', 'own']],
  ['pairs', new Map(Object.entries({ accept: 'a', traceparent: 'own' }))],
])('a header takes the place of one of the same name, in %s', (_, own) => {
  expect(sent({ TraceParent: 'mine', 'x-team': 'a' }, own)).toEqual([
    ...['accept', 'a'],
    ...['TraceParent', 'mine', 'x-team', 'a'],
  ]);
});

test('a request without headers gets those that are asked for', () => {
  expect(sent({ 'x-team': 'a' }, undefined)).toEqual(['x-team', 'a']);
});

test('another host gets none of them', () => {
  expect(sent({ 'x-team': 'a' }, { accept: 'a' }, 'https://storage.example')).toEqual({ accept: 'a' });
});
