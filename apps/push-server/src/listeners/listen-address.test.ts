import { expect, test } from 'vitest';
import { formatListenAddress, isLoopback, parseListenAddress } from './listen-address.ts';

test.each([
  ['unix:///run/slipway.sock', { kind: 'unix', path: '/run/slipway.sock' }],
  ['tcp://127.0.0.1:2375', { kind: 'tcp', host: '127.0.0.1', port: 2375 }],
  ['tcp://[::1]:0', { kind: 'tcp', host: '::1', port: 0 }],
  ['tcp://build.example:2376', { kind: 'tcp', host: 'build.example', port: 2376 }],
  ['fd://', { kind: 'fd', descriptor: undefined }],
  ['fd://4', { kind: 'fd', descriptor: 4 }],
])('%s', (text, address) => {
  expect(parseListenAddress(text, 'linux')).toEqual(address);
  expect(formatListenAddress(parseListenAddress(text, 'linux'))).toBe(text);
});

test('a named pipe, on Windows and nowhere else', () => {
  const pipe = { kind: 'pipe', path: '//./pipe/slipway' };
  expect(parseListenAddress('npipe:////./pipe/slipway', 'win32')).toEqual(pipe);
  expect(formatListenAddress(parseListenAddress('npipe:////./pipe/slipway', 'win32'))).toBe('npipe:////./pipe/slipway');
  expect(parseListenAddress('npipe://\\\\.\\pipe\\slipway', 'win32')).toEqual(pipe);
  for (const [text, platform] of [
    ['npipe:////./pipe/slipway', 'linux'],
    ['npipe:////./pipe/a/b', 'win32'],
    ['npipe:////server/pipe/a', 'win32'],
    ['unix:///run/slipway.sock', 'win32'],
  ] as const) {
    expect(() => parseListenAddress(text, platform)).toThrow(expect.objectContaining({ code: 'ERR_SERVER_CONFIG' }));
  }
});

test.each([
  '',
  'unix://',
  'unix://run',
  `unix:///${'x'.repeat(110)}`,
  'tcp://a',
  'tcp://:1',
  'tcp://a:65536',
  'tcp://u@a:1',
  'tcp://a:1/x',
  'http://a:1',
  'fd://2',
  'fd://stdin',
])('%s is no address to listen on', (text) => {
  expect(() => parseListenAddress(text)).toThrow(expect.objectContaining({ code: 'ERR_SERVER_CONFIG' }));
});

test.each([
  ['127.0.0.1', true],
  ['127.8.8.8', true],
  ['::1', true],
  ['localhost', true],
  ['0.0.0.0', false],
  ['::', false],
  ['127.0.0.1.example', false],
  ['localhost.example', false],
])('%s is loopback: %s', (host, is) => {
  expect(isLoopback(host)).toBe(is);
});
