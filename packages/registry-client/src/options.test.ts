import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { isLoopbackName, registryDefaults, resolveRegistryOptions, timeoutsOf } from './options.ts';

const url = 'https://registry.example';

describe('resolveRegistryOptions', () => {
  test('the documented defaults are the defaults', () => {
    const source = readFileSync(new URL('options.ts', import.meta.url), 'utf8');
    const documented = Object.fromEntries(
      [...source.matchAll(/@default '?([\w]+)'?[^*]*\*\/\s+readonly (\w+)\?/g)].map(([, value, name]) => [name, value]),
    );
    const { timeouts, maxHeaderSize, connections, userAgent } = registryDefaults;
    for (const [name, value] of Object.entries({ ...timeouts, maxHeaderSize, connections, userAgent })) {
      expect([name, documented[name]]).toEqual([name, String(value)]);
    }
  });

  test('undefined means default, and the caller’s object stays as it is', () => {
    const options = Object.freeze({
      url,
      name: undefined,
      timeouts: Object.freeze({ idleMs: undefined, commitMs: 5 }),
    });
    const resolved = resolveRegistryOptions(options);
    expect(resolved.name).toBe('registry.example');
    expect(resolved.timeouts).toEqual({ ...registryDefaults.timeouts, smallCommitMs: 5, commitMs: 5 });
  });

  test('a loopback host has less time for TLS, unless told otherwise', () => {
    expect(resolveRegistryOptions({ url: 'https://127.0.0.1:5000' }).timeouts.tlsMs).toBe(2_000);
    expect(resolveRegistryOptions({ url: 'https://localhost', timeouts: { tlsMs: 7 } }).timeouts.tlsMs).toBe(7);
  });

  test.each([
    'registry.example',
    'ftp://registry.example',
    'https://user:word@registry.example',
    'https://r.example/?a=b',
    'https://r.example/#a',
    '',
  ])('a URL of %j is refused without being repeated', (bad) => {
    expect(() => resolveRegistryOptions({ url: bad })).toThrow(TypeError);
    expect(() => resolveRegistryOptions({ url: bad })).not.toThrow('word');
  });

  test.each([
    ['connections', { connections: 0 }],
    ['maxHeaderSize', { maxHeaderSize: -1 }],
    ['idleMs', { timeouts: { idleMs: 1.5 } }],
    ['commitMs', { timeouts: { commitMs: Number.NaN } }],
  ])('a bad %s is refused by name', (name, bad) => {
    expect(() => resolveRegistryOptions({ url, ...bad })).toThrow(
      new RegExp(`^Expected \`${name}\` to be a positive integer`),
    );
  });

  test.each(['a\nb', 'a\r\nX-Other: b', 'é', '\u0000'])('a user agent of %j is refused', (userAgent) => {
    expect(() => resolveRegistryOptions({ url, userAgent })).toThrow(
      'Expected `options.userAgent` to be printable ASCII',
    );
  });

  test.each(['connectMs', 'slowMs', 'commitMs', 'disposalMs'])('no %s is longer than a timer', (name) => {
    const timeouts = { [name]: 2 ** 31 };
    expect(() => resolveRegistryOptions({ url, timeouts })).toThrow(`Expected \`${name}\` to be 2147483647 ms`);
    expect(() => resolveRegistryOptions({ url, timeouts: { [name]: 2 ** 31 - 1 } })).not.toThrow();
  });
});

test.each([
  ['localhost', true],
  ['app.localhost', true],
  ['127.0.0.1', true],
  ['127.255.0.3', true],
  ['[::1]', true],
  ['127.evil.example', false],
  ['notlocalhost', false],
  ['10.0.0.1', false],
  ['[::2]', false],
])('%s is loopback: %s', (hostname, expected) => {
  expect(isLoopbackName(hostname)).toBe(expected);
});

test('one number for all limits leaves a registry that has everything its time', () => {
  expect(resolveRegistryOptions({ url, timeouts: timeoutsOf(5_000) }).timeouts).toEqual({
    ...registryDefaults.timeouts,
    connectMs: 5_000,
    tlsMs: 5_000,
    metadataMs: 5_000,
    slowMs: 5_000,
    idleMs: 5_000,
  });
  expect(resolveRegistryOptions({ url, timeouts: timeoutsOf(1_000_000) }).timeouts).toMatchObject({
    metadataMs: 1_000_000,
    smallCommitMs: 1_000_000,
    commitMs: 1_000_000,
  });
});
