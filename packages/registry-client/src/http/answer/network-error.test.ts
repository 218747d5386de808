import { expect, test } from 'vitest';
import { networkError } from './network-error.ts';

const url = new URL('https://registry.example/v2/');

// What Node, and what other runtimes throw for one failure.
test.each([
  [
    'ENOTFOUND',
    ['getaddrinfo ENOTFOUND registry.example', 'getaddrinfo ENOTFOUND'],
    'getaddrinfo ENOTFOUND registry.example',
  ],
  [
    'EAI_AGAIN',
    ['getaddrinfo EAI_AGAIN registry.example', 'getaddrinfo EAI_AGAIN'],
    'getaddrinfo EAI_AGAIN registry.example',
  ],
  ['UND_ERR_SOCKET', ['other side closed', 'closed'], 'the connection was closed'],
  ['ECONNRESET', ['read ECONNRESET', 'socket hang up'], 'the connection was closed'],
  ['EPIPE', ['write EPIPE', 'broken pipe'], 'the connection was closed'],
  ['DEPTH_ZERO_SELF_SIGNED_CERT', ['self-signed certificate', 'self signed certificate'], 'self-signed certificate'],
  [
    'ECONNRESET',
    ['Client network socket disconnected before secure TLS connection was established'],
    'the connection was closed before TLS was agreed on',
  ],
])('%s is told in the same words: %j', (code, said, what) => {
  for (const text of said) {
    const { message } = networkError({ method: 'GET', url, proxy: undefined }, withCode(text, code));
    expect(message).toBe(`GET ${url} failed: ${what}`);
  }
});

test.each([
  ['connect EMFILE 10.0.0.1:443 - Local (undefined:undefined)', 'EMFILE', 'connect EMFILE 10.0.0.1:443', true],
  ['connect ENFILE 10.0.0.1:443', 'ENFILE', 'connect ENFILE 10.0.0.1:443', true],
  ['connect ENOMEM 10.0.0.1:443', 'ENOMEM', 'connect ENOMEM 10.0.0.1:443', false],
])('%s is this machine’s failure, and none of the registry', (said, code, what, transient) => {
  expect(networkError({ method: 'GET', url, proxy: undefined }, withCode(said, code))).toMatchObject({
    ...{ code: 'ERR_REGISTRY_NOT_ASKED', reason: code, transient, message: `GET ${url} failed: ${what}` },
    hint: expect.stringMatching(/`ulimit -[nv]`/),
  });
});

test('a parser that gets no memory is this machine’s failure', () => {
  const cause = new RangeError('WebAssembly.Instance(): Out of memory: Cannot allocate Wasm memory for new instance');
  expect(networkError({ method: 'GET', url, proxy: undefined }, cause)).toMatchObject({
    ...{ code: 'ERR_REGISTRY_NOT_ASKED', reason: undefined, transient: false },
    hint: expect.stringContaining('memory'),
  });
});

test('a name behind a proxy is the one that was looked up', () => {
  const proxy = 'http://proxy.example:3128';
  const { message } = networkError(
    { method: 'GET', url, proxy },
    withCode('getaddrinfo ENOTFOUND proxy.example', 'ENOTFOUND'),
  );
  expect(message).toBe(`GET ${url} failed: getaddrinfo ENOTFOUND proxy.example (by way of the proxy ${proxy})`);
});

test.each([
  ['UND_ERR_SOCKET', 'ECONNRESET'],
  ['ECONNRESET', 'ECONNRESET'],
  ['EPIPE', 'EPIPE'],
  ['EAI_AGAIN', 'EAI_AGAIN'],
])('%s has its reason, and is tried again', (code, reason) => {
  expect(networkError({ method: 'GET', url, proxy: undefined }, withCode('', code))).toMatchObject({
    reason,
    transient: true,
  });
});

function withCode(message: string, code: string): Error {
  return Object.assign(new Error(message), { code });
}
