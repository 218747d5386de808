import { describe, expect, test } from 'vitest';
import { parseInsecureRegistries, parseNondistributableRegistries } from './registry-list.ts';

describe('what dockerd takes as an insecure registry', () => {
  test.each([
    ['127.0.0.1', '127.0.0.1'],
    ['127.0.0.1:8080', '127.0.0.1:8080'],
    ['2001:db8::1', '2001:db8::1'],
    ['[2001:db8::1]:80', '[2001:db8::1]:80'],
    ['[2001:db8::1]', '[2001:db8::1]'],
    ['myregistry.example.com', 'myregistry.example.com'],
    ['my-registry', 'my-registry'],
    ['http://myregistry.example.com', 'myregistry.example.com'],
    ['https://myregistry.example.com:5000', 'myregistry.example.com:5000'],
    ['HTTP://myregistry.example.com', 'myregistry.example.com'],
    ['HttpS://myregistry.example.com', 'myregistry.example.com'],
    ['Registry.Example:65535', 'Registry.Example:65535'],
  ])('%s', (entry, host) => {
    const list = parseInsecureRegistries([entry]);
    expect(list.hosts).toEqual([host]);
    expect(list.includes(host)).toBe(true);
    expect(list.includes(`${host}.example`)).toBe(false);
  });

  test.each([['10.0.0.0/8'], ['42.42.42.42/8'], ['0.0.0.0/0'], ['fd00::/8'], ['http://10.0.0.0/8']])(
    '%s is a range',
    (entry) => {
      expect(parseInsecureRegistries([entry])).toMatchObject({ hosts: [], ranges: [entry.replace('http://', '')] });
    },
  );
});

const refused: readonly (readonly [string, string])[] = [
  ['svn://myregistry.example.com', "should not contain '://'"],
  ['http://http://myregistry.example.com', "should not contain '://'"],
  ['-invalid-registry', 'cannot begin or end with a hyphen'],
  ['registry-', 'cannot begin or end with a hyphen'],
  ['mytest-.com', 'invalid host "mytest-.com"'],
  ['my..test', 'invalid host "my..test"'],
  ['1200:0000:AB00:1234:0000:2552:7777:1313:8080', 'invalid host "1200:0000:AB00:1234:0000:2552:7777:1313:8080"'],
  ['myregistry.example.com:500000', 'invalid port "500000"'],
  ['[2001:db8::1]:65536', 'invalid port "65536"'],
  ['myregistry.example.com:http', 'invalid host'],
  ['myregistry.example.com:', 'invalid host'],
  [':5000', 'invalid host ""'],
  ['"myregistry.example.com"', 'invalid host "\\"myregistry.example.com\\""'],
  ['"mytest-.com"', 'invalid host'],
  ["'myregistry.example.com'", 'invalid host'],
  ['registry.example/path', 'invalid host'],
  ['registry.example/', 'invalid host'],
  ['user@registry.example', 'invalid host'],
  ['my_registry', 'invalid host'],
  ['10.0.0.0/33', 'invalid host'],
  ['10.0.0.0/99', 'invalid host'],
  ['10.0.0.0/x', 'invalid host'],
  ['10.0.0/8', 'invalid host'],
  ['10.0.0.0/8/8', 'invalid host'],
  ['fd00::/129', 'invalid host'],
  ['fe80::%eth0/64', 'invalid host'],
  ['*.example.com', 'invalid host'],
  ['a b', 'invalid host'],
  ['', 'invalid host ""'],
];

describe('what dockerd refuses', () => {
  test.each(refused)('%j as an insecure registry: %s', (entry, problem) => {
    const parse = (): unknown => parseInsecureRegistries(['fine.example', entry]);
    expect(parse).toThrow(RangeError);
    expect(parse).toThrow(problem);
    expect(parse).toThrow(`insecure registry ${JSON.stringify(entry)}`);
  });

  test.each([...refused, ['http://registry.example', "should not contain '://'"] as const])(
    '%j as a registry for foreign layers: %s',
    (entry, problem) => {
      expect(() => parseNondistributableRegistries([entry])).toThrow(problem);
    },
  );

  test('a long entry is shown in part', () => {
    expect(() => parseInsecureRegistries([`${'x'.repeat(10_000)}!`])).toThrow(/^.{1,500}$/s);
  });
});

describe('who is in a list', () => {
  // The rows of docker's own test, with the addresses that its resolver gives there.
  const resolved: Readonly<Record<string, readonly string[]>> = {
    'example.com': ['42.42.42.42'],
    'example.com:5000': ['42.42.42.42'],
    'other.com': ['43.43.43.43'],
    'invalid.example.com': [],
  };
  test.each<[string, readonly string[], boolean]>([
    ['example.com', [], false],
    ['example.com', ['example.com'], true],
    ['localhost', ['localhost'], true],
    ['localhost:5000', ['localhost:5000'], true],
    ['localhost', ['example.com'], false],
    ['127.0.0.1:5000', ['127.0.0.1:5000'], true],
    ['localhost', [], false],
    ['localhost:5000', [], false],
    ['127.0.0.1', [], false],
    ['localhost', ['127.0.0.0/8'], true],
    ['localhost:5000', ['::1/128'], true],
    ['127.0.0.1', ['localhost'], false],
    ['127.0.0.1:5000', ['localhost'], false],
    ['127.0.0.1:5000', ['127.0.0.0/8'], true],
    ['example.com:5000', ['example.com'], false],
    ['example.com', ['example.com:5000'], false],
    ['example.com:5000', ['example.com:5000'], true],
    ['example.com', ['42.42.0.0/16'], true],
    ['example.com', ['42.42.42.42/8'], true],
    ['example.com:5000', ['42.42.42.42/8'], true],
    ['other.com', ['42.42.0.0/16'], false],
    ['127.0.0.1:5000', ['127.1.2.3/8'], true],
    ['42.42.42.42:5000', ['42.1.1.1/8'], true],
    ['[fd00::1]:5000', ['fd00::/8'], true],
    ['[fe00::1]:5000', ['fd00::/8'], false],
    ['invalid.example.com', ['42.42.0.0/16'], false],
    ['invalid.example.com', ['invalid.example.com'], true],
    ['invalid.example.com:5000', ['invalid.example.com'], false],
    ['docker.io', ['docker.io'], true],
  ])('%s in %j: %s', (registry, entries, expected) => {
    expect(parseNondistributableRegistries(entries).includes(registry, resolved[registry])).toBe(expected);
    expect(parseInsecureRegistries(entries).includes(registry, resolved[registry])).toBe(expected);
  });
});
