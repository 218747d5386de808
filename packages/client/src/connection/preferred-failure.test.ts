import { RegistryError } from '@slipway/registry-client';
import { expect, test } from 'vitest';
import { preferredFailure } from './preferred-failure.ts';

const failed = (message: string, reason?: string, status?: number): RegistryError =>
  new RegistryError(message, { code: 'ERR_REGISTRY_UNREACHABLE', reason, status });
const plain = failed('GET https://r failed: the other side does not speak TLS', 'tls');
const untrusted = failed('GET https://r failed: the certificate of r has expired', 'tls');
const refused = failed('GET https://r failed: connect ECONNREFUSED', 'ECONNREFUSED');
const http = failed('GET http://r failed: no answer came within 15000 ms', 'timeout');
const answered = failed('GET http://r answered 500', undefined, 500);

test.each([
  ['the only one', undefined, http, http],
  ['that of http, where the other side does not speak TLS', plain, http, http],
  ['that of https, where it does', untrusted, http, untrusted],
  ['the first, where nobody is there', refused, http, refused],
  ['an answer before silence', untrusted, answered, answered],
])('%s', (_, earlier, later, told) => {
  expect(preferredFailure(earlier, later)).toBe(told);
});
