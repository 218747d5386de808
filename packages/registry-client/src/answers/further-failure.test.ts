import { describe, expect, test } from 'vitest';
import { RegistryError } from '../errors.ts';
import { networkError } from '../http/answer/network-error.ts';
import { furtherFailure } from './further-failure.ts';

const failed = (message: string, reason?: string, status?: number, cause?: unknown): RegistryError =>
  new RegistryError(message, { code: 'ERR_REGISTRY_UNREACHABLE', reason, status, cause });
const withCode = (code: string, message = code): Error => Object.assign(new Error(message), { code });

const https = {
  plain: failed('GET https://r failed: the other side does not speak TLS', 'tls'),
  untrusted: failed('GET https://r failed: the certificate of r has expired', 'tls'),
  'closed after TLS': failed('GET https://r failed: the connection was closed (other side closed)', 'ECONNRESET'),
  'closed before TLS': networkError(
    { method: 'GET', url: new URL('https://r'), proxy: undefined },
    withCode('ECONNRESET', 'Client network socket disconnected before secure TLS connection was established'),
  ),
  refused: failed('GET https://r failed: connect ECONNREFUSED', 'ECONNREFUSED'),
  'never connected': failed('GET https://r failed', 'timeout', undefined, withCode('UND_ERR_CONNECT_TIMEOUT')),
  'kept out by a proxy': failed('GET https://r failed: refused CONNECT (403)', 'ERR_PROXY_REFUSED'),
  'a name nobody knows': failed('GET https://r failed: getaddrinfo ENOTFOUND r', 'ENOTFOUND'),
} as const;
const http = {
  refused: failed('GET http://r failed: connect ECONNREFUSED', 'ECONNREFUSED'),
  closed: failed('GET http://r failed: the connection was closed', 'ECONNRESET'),
  silent: failed('GET http://r failed: no answer came within 15000 ms', 'timeout'),
  'a name nobody knows': failed('GET http://r failed: getaddrinfo ENOTFOUND r', 'ENOTFOUND'),
  busy: failed('GET http://r answered 500', undefined, 500),
  'a redirect that is refused': new RegistryError('http://r leads to gopher:', {
    code: 'ERR_REGISTRY_REDIRECT_REFUSED',
  }),
  'credentials that no header holds': new RegistryError('the token is none', { code: 'ERR_REGISTRY_UNAUTHORIZED' }),
  'a session that was lost': new RegistryError('GET http://r/u failed', { code: 'ERR_SESSION_LOST' }),
  'led to where nothing listens': new RegistryError('r leads to s: connect ECONNREFUSED', {
    code: 'ERR_REGISTRY_UNREACHABLE',
    reason: 'ECONNREFUSED',
    hasAnswered: true,
  }),
  'told to use https': failed('GET http://r answered 400: the registry expects https', 'https-expected', 400),
} as const;

describe('the way that led further is told', () => {
  test.each<[keyof typeof https, keyof typeof http, 'https' | 'http']>([
    ['closed after TLS', 'a name nobody knows', 'https'],
    ['closed after TLS', 'refused', 'https'],
    ['closed after TLS', 'closed', 'https'],
    ['closed after TLS', 'told to use https', 'https'],
    ['closed after TLS', 'busy', 'http'],
    ['closed before TLS', 'closed', 'http'],
    ['closed before TLS', 'a redirect that is refused', 'http'],
    ['untrusted', 'a redirect that is refused', 'http'],
    ['closed after TLS', 'credentials that no header holds', 'http'],
    ['closed before TLS', 'a session that was lost', 'http'],
    ['closed before TLS', 'led to where nothing listens', 'http'],
    ['untrusted', 'led to where nothing listens', 'http'],
    ['closed before TLS', 'refused', 'https'],
    ['untrusted', 'silent', 'https'],
    ['untrusted', 'told to use https', 'https'],
    ['untrusted', 'busy', 'http'],
    ['plain', 'a name nobody knows', 'http'],
    ['plain', 'refused', 'http'],
    ['plain', 'told to use https', 'http'],
    ['refused', 'refused', 'http'],
    ['refused', 'silent', 'http'],
    ['refused', 'a name nobody knows', 'https'],
    ['refused', 'told to use https', 'https'],
    ['never connected', 'refused', 'http'],
    ['never connected', 'silent', 'http'],
    ['kept out by a proxy', 'silent', 'https'],
    ['kept out by a proxy', 'busy', 'http'],
    ['a name nobody knows', 'a name nobody knows', 'http'],
  ])('https: %s; http: %s', (earlier, later, told) => {
    expect(furtherFailure(https[earlier], http[later])).toBe(told === 'https' ? https[earlier] : http[later]);
  });

  test('of one way, its own', () => {
    expect(furtherFailure(undefined, http.refused)).toBe(http.refused);
  });

  test('what stands around a failure changes nothing', () => {
    const around = new Error('could not connect', { cause: https.untrusted });
    expect(furtherFailure(around, http.refused)).toBe(around);
  });

  test('what is no matter of the network is told', () => {
    const own = new Error('the certificate cannot be read');
    expect(furtherFailure(own, http.silent)).toBe(own);
  });
});
