import { describe, expect, test } from 'vitest';
import { findRegistryKey, helperAddressesOf, normalizeKey, serverAddressOf } from './registry-key.ts';

describe('normalizeKey', () => {
  test.each([
    ['ghcr.io', 'ghcr.io'],
    ['GHCR.io', 'ghcr.io'],
    ['localhost:5000', 'localhost:5000'],
    ['https://ghcr.io', 'ghcr.io'],
    ['https://ghcr.io/', 'ghcr.io'],
    ['http://127.0.0.1:5000/v2/', '127.0.0.1:5000'],
    ['https://example.org/some/path', 'example.org'],
    ['example.org/v1/', 'example.org'],
    ['example.org/v2', 'example.org'],
    ['quay.io/Team', 'quay.io/Team'],
    ['quay.io/team/app/', 'quay.io/team/app'],
    ['https://index.docker.io/v1/', 'docker.io'],
    ['index.docker.io', 'docker.io'],
    ['registry-1.docker.io', 'docker.io'],
    ['docker.io/library/alpine', 'docker.io/library/alpine'],
    ['[::1]:5000', '[::1]:5000'],
    ['', ''],
  ])('%j is %j', (key, expected) => {
    expect(normalizeKey(key)).toBe(expected);
  });
});

describe('findRegistryKey', () => {
  const hub = 'https://index.docker.io/v1/';
  test.each<[string, string[], string, string | undefined, string | undefined]>([
    ['the host', ['ghcr.io', 'quay.io'], 'quay.io', undefined, 'quay.io'],
    [
      'the longest namespace',
      ['quay.io', 'quay.io/team/app', 'quay.io/team'],
      'quay.io',
      'team/app',
      'quay.io/team/app',
    ],
    ['a namespace above', ['quay.io', 'quay.io/team'], 'quay.io', 'team/other/deep', 'quay.io/team'],
    ['no namespace beside', ['quay.io/team'], 'quay.io', 'teammate/app', undefined],
    ['no namespace without a repository', ['quay.io/team'], 'quay.io', undefined, undefined],
    ['the exact key before an equal one', ['https://ghcr.io', 'ghcr.io'], 'ghcr.io', undefined, 'ghcr.io'],
    ['an equal key', ['https://ghcr.io/v2/'], 'ghcr.io', 'team/app', 'https://ghcr.io/v2/'],
    ["docker's own key of Docker Hub first", ['docker.io', hub], 'docker.io', undefined, hub],
    ["podman's key of Docker Hub", ['docker.io'], 'docker.io', 'library/alpine', 'docker.io'],
    ['a port is part of the name', ['example.org'], 'example.org:5000', undefined, undefined],
    ['HOST for HOST:443', ['ghcr.io'], 'ghcr.io:443', 'team/app', 'ghcr.io'],
    ['HOST for HOST:80', ['https://ghcr.io/v2/'], 'ghcr.io:80', undefined, 'https://ghcr.io/v2/'],
    ['HOST:443 for HOST', ['ghcr.io:443'], 'ghcr.io', undefined, 'ghcr.io:443'],
    ['the port as written before the one that is meant', ['ghcr.io', 'ghcr.io:443'], 'ghcr.io:443', 'a', 'ghcr.io:443'],
    ['a namespace below HOST for HOST:443', ['ghcr.io', 'ghcr.io/a'], 'ghcr.io:443', 'a/b', 'ghcr.io/a'],
    ['HOST:443 not for HOST:80', ['ghcr.io:443'], 'ghcr.io:80', undefined, undefined],
    ['an IPv6 address without its port', ['[::1]'], '[::1]:443', undefined, '[::1]'],
    ['nothing', [], 'ghcr.io', 'team/app', undefined],
  ])('finds %s', (_, keys, registry, repository, expected) => {
    expect(findRegistryKey(keys, registry, repository)).toBe(expected);
  });
});

test('Docker Hub has an address of its own, and helpers are asked for both', () => {
  expect(serverAddressOf('docker.io')).toBe('https://index.docker.io/v1/');
  expect(serverAddressOf('ghcr.io')).toBe('ghcr.io');
  expect(helperAddressesOf('docker.io')).toEqual(['https://index.docker.io/v1/', 'docker.io']);
  expect(helperAddressesOf('ghcr.io')).toEqual(['ghcr.io']);
  expect(helperAddressesOf('ghcr.io:443')).toEqual(['ghcr.io:443', 'ghcr.io']);
  expect(helperAddressesOf('ghcr.io:5000')).toEqual(['ghcr.io:5000']);
});
