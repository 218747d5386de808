import { PushError } from '@slipway/push';
import { RegistryError } from '@slipway/registry-client';
import { expect, test } from 'vitest';
import { failureOf } from '../record/job.ts';

test.each([
  ['tls', 'GET https://r/v2/ failed: the other side does not speak TLS', 'name it with `insecure-registry`'],
  ['tls', 'GET https://r/v2/ failed: the other side wants a client certificate', 'x.cert'],
  ['tls', 'GET https://r/v2/ failed: self-signed certificate', 'ca.crt'],
  ['https-expected', 'GET http://r/v2/ answered 400: the registry expects https', 'out of `insecure-registry`'],
  ['ECONNREFUSED', 'GET http://r/v2/ failed: connect ECONNREFUSED 127.0.0.1:1', 'nothing listens there'],
  ['ENOTFOUND', 'GET https://r/v2/ failed: getaddrinfo ENOTFOUND r', 'check the name'],
])('%s: %s', (reason, message, expected) => {
  const cause = new RegistryError(message, { code: 'ERR_REGISTRY_UNREACHABLE', reason, hint: 'check the name' });
  const error = new PushError('ERR_PUSH_FAILED', `Could not connect: ${message}`, {
    op: 'connect',
    origin: 'destination',
    cause,
  });
  expect(failureOf(error).hint).toContain(expected);
  expect(failureOf(error).hint).not.toMatch(/(?:^|\s)--/);
});

test('options of a push have the names that a job gives them', () => {
  const error = new PushError('ERR_PUSH_FORMAT', 'Could not plan', {
    op: 'plan',
    origin: 'request',
    hint: 'choose `format: oci`',
  });
  expect(failureOf(error).hint).toBe('choose `format: oci`');
});
