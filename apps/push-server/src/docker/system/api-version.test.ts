import { describe, expect, test } from 'vitest';
import { isVersionBelow, requestedVersion, withoutVersion } from './api-version.ts';

test.each([
  ['/v1.24/images/json', '/images/json'],
  ['/images/json', '/images/json'],
  ['/v1.51/images/a/b/push?tag=1', '/images/a/b/push?tag=1'],
  ['/version', '/version'],
  ['/v1.24', '/v1.24'],
])('%s means %s', (url, path) => {
  expect(withoutVersion(url)).toBe(path);
});

test.each([
  ['/info', '1.51'],
  ['/v1.24/info', '1.24'],
  ['/v1.51/info', '1.51'],
  ['/v1.30.1/info', '1.30.1'],
])('%s asks for %s', (url, version) => {
  expect(requestedVersion(url)).toBe(version);
});

test.each([
  [
    '/v1.23/info',
    'client version 1.23 is too old. Minimum supported API version is 1.24, please upgrade your client to a newer version',
  ],
  ['/v1.9/info', 'client version 1.9 is too old.'],
  ['/v1.52/info', 'client version 1.52 is too new. Maximum supported API version is 1.51'],
  ['/v2/info', 'client version 2 is too new.'],
])('%s is refused in docker’s words', (url, text) => {
  expect(() => requestedVersion(url)).toThrow(
    expect.objectContaining({ status: 400, message: expect.stringContaining(text) }),
  );
});

describe('versions are compared number by number', () => {
  test.each([
    ['1.9', '1.10', true],
    ['1.10', '1.9', false],
    ['1.24', '1.24', false],
    ['1.24', '1.24.1', true],
  ])('%s < %s: %s', (a, b, isBelow) => {
    expect(isVersionBelow(a, b)).toBe(isBelow);
  });
});
