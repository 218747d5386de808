import { expect, test } from 'vitest';
import { dockerNetworkText } from './docker-network-text.ts';
import { networkError, timeoutError } from './network-error.ts';

const url = new URL('https://user:secret@registry.example:5000/v2/?state=secret');
const failure = (code: string, message: string, more: object = {}): Error =>
  Object.assign(new Error(message), { code, ...more });
const refused = (address: string): Error =>
  failure('ECONNREFUSED', `connect ECONNREFUSED ${address}`, { address, port: 5000 });

test.each<[string, string, unknown, string]>([
  ['refused', 'GET', refused('10.1.2.3'), 'dial tcp 10.1.2.3:5000: connect: connection refused'],
  ['refused over IPv6', 'GET', refused('::1'), 'dial tcp [::1]:5000: connect: connection refused'],
  [
    'refused at every address: the last one',
    'GET',
    Object.assign(new AggregateError([refused('::1'), refused('127.0.0.1')], ''), { code: 'ECONNREFUSED' }),
    'dial tcp 127.0.0.1:5000: connect: connection refused',
  ],
  [
    'an address nobody tells',
    'GET',
    failure('EHOSTUNREACH', 'connect EHOSTUNREACH'),
    'dial tcp registry.example:5000: connect: no route to host',
  ],
  ['no such name', 'HEAD', failure('ENOTFOUND', 'getaddrinfo'), 'dial tcp: lookup registry.example: no such host'],
  [
    'a resolver that fails',
    'GET',
    failure('EAI_AGAIN', 'getaddrinfo'),
    'dial tcp: lookup registry.example: Temporary failure in name resolution',
  ],
  ['a reset', 'PATCH', failure('ECONNRESET', 'read ECONNRESET'), 'read: connection reset by peer'],
  ['an end', 'PUT', failure('UND_ERR_SOCKET', 'other side closed'), 'EOF'],
  [
    'plain http behind https',
    'GET',
    failure('ERR_SSL_WRONG_VERSION_NUMBER', 'wrong version number'),
    'http: server gave HTTP response to HTTPS client',
  ],
  [
    'an authority nobody knows',
    'GET',
    failure('SELF_SIGNED_CERT_IN_CHAIN', 'self-signed certificate in certificate chain'),
    'tls: failed to verify certificate: x509: certificate signed by unknown authority',
  ],
  [
    'a certificate out of date',
    'GET',
    failure('CERT_HAS_EXPIRED', 'certificate has expired'),
    'tls: failed to verify certificate: x509: certificate has expired or is not yet valid',
  ],
  ['anything else', 'POST', failure('EODD', 'odd'), 'odd'],
])('%s', (_, method, cause, text) => {
  const { dockerMessage } = networkError({ method, url, proxy: undefined }, cause);
  const name = method.slice(0, 1) + method.slice(1).toLowerCase();
  expect(dockerMessage).toBe(`${name} "https://registry.example:5000/v2/": ${text}`);
  expect(dockerMessage).not.toContain('secret');
});

test('an answer that does not come', () => {
  expect(timeoutError({ method: 'GET', url, proxy: undefined }, 'no answer', 15_000).dockerMessage).toBe(
    'Get "https://registry.example:5000/v2/": context deadline exceeded (Client.Timeout exceeded while awaiting headers)',
  );
});

test('a host without a port has that of its scheme', () => {
  const plain = { method: 'GET', code: 'ECONNREFUSED', said: '', cause: undefined };
  expect(dockerNetworkText({ ...plain, url: new URL('http://r.example/v2/') })).toContain('dial tcp r.example:80:');
  expect(dockerNetworkText({ ...plain, url: new URL('https://r.example/v2/') })).toContain('dial tcp r.example:443:');
});
