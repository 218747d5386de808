import { createServer } from 'node:http';
import type { AddressInfo, LookupFunction } from 'node:net';
import type { DispatcherFactory } from '@slipway/registry-client';
import { dispatcherFor } from '@slipway/registry-client/proxy';
import { expect, test } from 'vitest';
import { createEgress } from './egress.ts';

/** Asks for a URL in the name of a registry; `addresses` is what names resolve to. Only 127.0.0.1 answers. */
async function ask(
  entries: readonly string[],
  registry: string,
  url: string,
  addresses: Readonly<Record<string, string>> = {},
): Promise<string> {
  const lookup = ((name, _options, callback) =>
    callback(null, [{ address: addresses[name] ?? '127.0.0.1', family: 4 }])) as LookupFunction;
  const make: DispatcherFactory = createEgress(entries).guard(dispatcherFor({}));
  const dispatcher = make({
    ...{ registry, lookup, tls: {}, connections: 1, maxHeaderSize: 16_384, connectTimeoutMs: 500, tlsTimeoutMs: 500 },
  });
  try {
    const { origin } = new URL(url);
    const { statusCode, body } = await dispatcher.request({ origin, path: '/', method: 'GET' });
    await body.dump();
    return `${statusCode}`;
  } catch (error) {
    return (error as Error).message;
  } finally {
    await dispatcher.destroy();
  }
}

async function listen(): Promise<AsyncDisposable & { readonly port: number }> {
  const server = createServer((_, response) => response.end('ok')).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

test('without a list, only registries of this machine lead to this machine', async () => {
  await using server = await listen();
  const { port } = server;
  expect(await ask([], `127.0.0.1:${port}`, `http://127.0.0.1:${port}`)).toBe('200');
  expect(await ask([], 'localhost:1', `http://127.0.0.1:${port}`)).toBe('200');
  expect(await ask([], '[::1]:1', `http://localhost:${port}`)).toBe('200');
  const refused = `the connection to 127.0.0.1:${port} is refused: 127.0.0.1 is an address of this machine`;
  expect(await ask([], 'registry.example', `http://127.0.0.1:${port}`)).toBe(refused);
  expect(await ask([], 'registry.example', `http://registry.example:${port}`)).toBe(
    refused.replace('127.0.0.1', 'registry.example'),
  );
  expect(await ask([], '10.1.2.3:5000', `http://0.0.0.0:${port}`)).toContain('refused: 0.0.0.0');
});

test.each([
  ['http://169.254.169.254', {}],
  ['http://[fe80::1]', {}],
  ['http://[::ffff:169.254.169.254]', {}],
  ['http://metadata.example', { 'metadata.example': '169.254.169.254' }],
])('without a list, %s is refused to everybody', async (url, addresses) => {
  expect(await ask([], '127.0.0.1:5000', url, addresses)).toContain('is a link-local address');
  expect(await ask([], 'registry.example', url, addresses)).toContain('is a link-local address');
});

test('with a list, nothing else is connected to', async () => {
  await using server = await listen();
  const { port } = server;
  const registry = `registry.example:${port}`;
  expect(await ask([registry], registry, `http://${registry}`)).toBe('200');
  expect(await ask(['*.example'], registry, `http://storage.example:${port}`)).toBe('200');
  expect(await ask(['127.0.0.0/8'], registry, `http://other.test:${port}`)).toBe('200');
  const refused = 'is refused: it is not in --allow-registry';
  expect(await ask(['registry.example'], registry, `http://${registry}`)).toContain(refused); // another port
  expect(await ask([registry], registry, `http://storage.example:${port}`)).toContain(refused);
  expect(await ask([registry], registry, `http://127.0.0.1:${port}`)).toContain(refused);
  expect(await ask(['*.example'], registry, `http://example:${port}`)).toContain(refused);
  expect(await ask(['10.0.0.0/8'], registry, `http://other.test:${port}`)).toContain(refused);
});

test('a reference is refused before anything is asked', () => {
  const { assertRegistry } = createEgress(['ghcr.io', '*.corp.example', 'docker.io', '10.0.0.0/8']);
  for (const registry of ['ghcr.io', 'a.corp.example:5000', 'docker.io', '10.1.2.3:5000', 'named.test']) {
    expect(() => assertRegistry(registry)).not.toThrow();
  }
  for (const registry of ['127.0.0.1:5000', '[::1]:5000', '11.0.0.1']) {
    expect(() => assertRegistry(registry)).toThrow(expect.objectContaining({ status: 403 }));
  }
  expect(() => createEgress(['ghcr.io']).assertRegistry('ghcr.io.evil.example')).toThrow('--allow-registry');
});

test.each([
  ['http://x', /^host "http:\/\/x" should not contain '/],
  ['*', /^host "\*" is not valid/],
  ['10.0.0.0/99', /^host "10\.0\.0\.0\/99" is not valid/],
  ['*.', /^domain "a\."/],
  ['*.-', /^domain "a\.-"/],
  ['a b', /^host "a b"/],
  ['', /^host ""/],
])('%j is no entry', (entry, message) => {
  expect(() => createEgress([entry])).toThrow(message);
});
