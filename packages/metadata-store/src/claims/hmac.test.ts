import { createHash } from 'node:crypto';
import type { Digest } from '@slipway/digest';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { computeHmac, computeHmacKey, formatGoString, type HmacAuthConfig, hmacMatches } from './hmac.ts';

const textOf = (key: Uint8Array | undefined) => key && new TextDecoder().decode(key);
const keyOfJSON = (json: string) => `sha256:${createHash('sha256').update(json).digest('hex')}`;
const bytes = (text: string) => new TextEncoder().encode(text);
const apple = { digest: 'apple' as Digest, sourceRepository: 'docker.io/library/busybox' };
const appleHmac = 'bdb8b8c2261e4edc46b777422348bc54eb67fcb91dbd099223562da75d050be1';

describe('computeHmacKey', () => {
  test.each<[string, HmacAuthConfig, string]>([
    ['an empty config', {}, 'sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a'],
    [
      'user name and password',
      { username: 'user', password: 'pass' },
      'sha256:cb54b00fb550d4a17c448149caa29f38f4d5a44fb87c752e43db8160af3a032a',
    ],
    ['the order is fixed', { password: 'p', username: 'u' }, keyOfJSON('{"username":"u","password":"p"}')],
    ['empty fields are left out', { username: '', password: 'p', auth: undefined }, keyOfJSON('{"password":"p"}')],
    [
      'all five fields',
      { registrytoken: 'r', identitytoken: 'i', auth: 'a', password: 'p', username: 'u' },
      keyOfJSON('{"username":"u","password":"p","auth":"a","identitytoken":"i","registrytoken":"r"}'),
    ],
    ['HTML is escaped', { password: 'a&b<c>' }, keyOfJSON(String.raw`{"password":"a\u0026b\u003cc\u003e"}`)],
    ['line separators are escaped', { password: '\u2028\u2029' }, keyOfJSON(String.raw`{"password":"\u2028\u2029"}`)],
    ['a slash and umlauts stay', { password: '/ü' }, keyOfJSON('{"password":"/ü"}')],
    ['control characters', { password: '\u0001\n"\\' }, keyOfJSON(String.raw`{"password":"\u0001\n\"\\"}`)],
  ])('%s', (_rule, config, key) => {
    expect(textOf(computeHmacKey(config))).toBe(key);
  });

  test('no config gives no key', () => {
    expect(computeHmacKey(undefined)).toBeUndefined();
  });

  test('fields that Docker does not hash change nothing', () => {
    const config = { username: 'user', password: 'pass', email: 'me@example.com', serveraddress: 'example.com' };
    expect(computeHmacKey(config)).toEqual(computeHmacKey({ username: 'user', password: 'pass' }));
  });
});

describe('formatGoString', () => {
  test('is JSON for every string without lone surrogates', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        const formatted = formatGoString(text);
        expect(JSON.parse(formatted)).toBe(text);
        expect(formatted).not.toMatch(/[<>&\u2028\u2029]/);
      }),
    );
  });

  test('a lone surrogate becomes the replacement character', () => {
    expect(formatGoString('a\ud800b')).toBe('"a\ufffdb"');
    expect(formatGoString('😀')).toBe('"😀"');
  });
});

describe('computeHmac', () => {
  test('is what the original computes', () => {
    expect(computeHmac(bytes('key'), apple)).toBe(appleHmac);
  });

  test('is empty without a key', () => {
    expect(computeHmac(undefined, apple)).toBe('');
    expect(computeHmac(new Uint8Array(), apple)).toBe('');
  });
});

describe('hmacMatches', () => {
  test.each<[string, string, string | undefined, boolean]>([
    ['the same key', appleHmac, 'key', true],
    ['upper-case hex', appleHmac.toUpperCase(), 'key', true],
    ['neither HMAC nor key', '', undefined, true],
    ['neither HMAC nor key, which is empty', '', '', true],
    ['another key', appleHmac, 'yek', false],
    ['an HMAC and no key', appleHmac, undefined, false],
    ['a key and no HMAC', '', 'key', false],
    ['bad hex', `${appleHmac.slice(0, -1)}x`, 'key', false],
    ['hex of odd length', appleHmac.slice(1), 'key', false],
    ['an HMAC that is too short', appleHmac.slice(2), 'key', false],
  ])('%s: %#', (_rule, hmac, key, expected) => {
    expect(hmacMatches({ ...apple, hmac }, key === undefined ? undefined : bytes(key))).toBe(expected);
  });

  test('a record moved to another repository no longer matches', () => {
    expect(hmacMatches({ ...apple, sourceRepository: 'docker.io/evil/busybox', hmac: appleHmac }, bytes('key'))).toBe(
      false,
    );
  });
});
