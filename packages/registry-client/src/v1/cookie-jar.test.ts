import { expect, test } from 'vitest';
import { CookieJar } from './cookie-jar.ts';

const url = new URL('https://index.example/v1/images/x/layer');

test.each<[string, readonly string[], string | undefined]>([
  ['none', [], undefined],
  ['attributes are left out', ['a=1; Path=/; HttpOnly'], 'a=1'],
  ['several', ['a=1', 'b=2; Secure'], 'a=1; b=2'],
  ['the last of one name counts', ['a=1', 'a=2'], 'a=2'],
  ['an age of nothing takes it away', ['a=1', 'b=2', 'a=; Max-Age=0'], 'b=2'],
  ['a value may have an equals sign', ['a=b=c'], 'a=b=c'],
  ['what is none is passed over', ['nonsense', '=x', `a=${'x'.repeat(5000)}`], undefined],
])('%s', (_, lines, header) => {
  const jar = new CookieJar();
  jar.store(url, lines);
  expect(jar.header(url)).toBe(header);
});

test('a host sees its own cookies only, and no more than fifty of them', () => {
  const jar = new CookieJar();
  jar.store(
    url,
    Array.from({ length: 60 }, (_, at) => `c${at}=x`),
  );
  expect(jar.header(url)?.split('; ')).toHaveLength(50);
  expect(jar.header(new URL('https://other.example/'))).toBeUndefined();
});
