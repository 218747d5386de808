import { expect, test } from 'vitest';
import { upstreamClientOf } from './upstream-client.ts';

test.each([
  ['Docker-Client/28.2.2 (linux)', 'UpstreamClient(Docker-Client/28.2.2 \\(linux\\))'],
  ['a;b\\c', 'UpstreamClient(a\\;b\\\\c)'],
  ['', undefined],
  ['  ', undefined],
  [undefined, undefined],
])('%j', (name, expected) => {
  expect(upstreamClientOf({ 'user-agent': name })).toBe(expected);
});

test('a name without end is cut', () => {
  expect(upstreamClientOf({ 'user-agent': 'x'.repeat(10_000) })?.length).toBeLessThan(600);
});
