import { once } from 'node:events';
import { createServer, request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { contentOf, digestBytes } from '@slipway/digest';
import { mediaTypes } from '@slipway/manifest';
import { requireTool, startDebianRegistry } from '@slipway/testkit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openRegistry, RegistryError } from '../../src/index.ts';
import { dispatcherFor } from '../../src/proxy/proxy-dispatcher.ts';
import { beginSession, collect, manifestOf, testBytes, uploadShapes } from '../push-through.ts';
import { startRawServer } from '../raw-server.ts';
import { afterPing, type Script, startScriptedServer } from '../scripted-server.ts';

/** Passes plain http requests on, answers to the letter; every name leads to this machine. */
const proxy = createServer(forward);
let proxyURL: string;

beforeAll(async () => {
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  proxyURL = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
});

afterAll(() => {
  proxy.closeAllConnections();
  proxy.close();
});

function forward(request: IncomingMessage, response: ServerResponse): void {
  const { port, pathname, search } = new URL(request.url ?? '');
  const { method, headers } = request;
  const onward = httpRequest({ port, path: `${pathname}${search}`, method, headers }, (answer) => {
    response.writeHead(answer.statusCode ?? 500, answer.statusMessage, answer.rawHeaders);
    answer.pipe(response);
  });
  onward.on('error', () => response.destroy());
  request.pipe(onward);
}

function open(port: number | string, isProxied: boolean): ReturnType<typeof openRegistry> {
  return openRegistry({
    url: `http://registry.test:${port}`,
    lookup: async () => ['127.0.0.1'],
    now: () => Date.parse('2026-01-01T00:00:00Z'),
    ...(isProxied && { dispatcher: dispatcherFor({ HTTP_PROXY: proxyURL }) }),
  });
}

interface Refusal {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

const refusals: readonly (readonly [string, Refusal])[] = [
  ['503 without a word', { status: 503 }],
  ['503 with seconds to wait', { status: 503, headers: { 'retry-after': '7' } }],
  ['503 with a date to wait for', { status: 503, headers: { 'retry-after': 'Thu, 01 Jan 2026 00:01:00 GMT' } }],
  ['500 with words', { status: 500, body: 'no leader was elected' }],
  [
    '502 with a page',
    { status: 502, headers: { 'content-type': 'text/html' }, body: '<html><title>Bad</title></html>' },
  ],
  ['504 without a word', { status: 504 }],
  ['401 without a word', { status: 401, headers: { 'www-authenticate': 'Basic realm="here"' } }],
  ['401 without a challenge', { status: 401 }],
  ['403 without a word', { status: 403 }],
  ['403 with a reason', { status: 403, body: '{"errors":[{"code":"DENIED","message":"the quota is used up"}]}' }],
  ['429 with seconds to wait', { status: 429, headers: { 'retry-after': '3' } }],
  ['429 without a word', { status: 429 }],
  ['418 without a word', { status: 418 }],
];

/** What the error of a refused manifest says, by way of a proxy or straight. */
async function refused(script: Script, isProxied: boolean): Promise<object> {
  await using server = await startScriptedServer(afterPing(script));
  await using registry = open(server.port, isProxied);
  const manifest = manifestOf(testBytes(10));
  const error: unknown = await registry
    .repository('demo/app')
    .putManifest('1', manifest, { mediaType: mediaTypes.ociManifest })
    .then(
      () => undefined,
      (reason: unknown) => reason,
    );
  if (!(error instanceof RegistryError)) throw new Error('Expected a RegistryError', { cause: error });
  const { code, status, transient, retryAfterMs, diagnostics, dockerMessage, message } = error;
  return {
    ...{ code, status, transient, retryAfterMs, diagnostics, dockerMessage },
    message: message.replaceAll(`:${server.port}`, '').replace(` (by way of the proxy ${proxyURL})`, ''),
  };
}

describe('a refusal that a plain http proxy hands on is the one that the registry gave', () => {
  test.each(refusals)('%s', async (_name, { status, headers = {}, body = '' }) => {
    const script: Script = async (request, response) => {
      await request.read();
      response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(body);
    };
    expect(await refused(script, true)).toEqual(await refused(script, false));
  });
});

test.each(['404', '404 with a body'])('what is not there is not there: %s', async (name) => {
  const script: Script = (_, response) => void response.writeHead(404).end(name === '404' ? '' : '{"errors":[]}');
  await using server = await startScriptedServer(afterPing(script));
  await using registry = open(server.port, true);
  const repository = registry.repository('demo/app');
  expect(await repository.statBlob(digestBytes(testBytes(1)))).toBeUndefined();
  expect(await repository.getManifest('1')).toBeUndefined();
});

test('interim answers, and a final one without words, come through', async () => {
  const sent: string[] = [];
  // Proxy and registry in one.
  await using server = await startRawServer(({ method, path }, socket) => {
    sent.push(`${method} ${path}`);
    const interim = 'HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n'.repeat(2);
    socket.write(
      `${interim}HTTP/1.1 ${path.endsWith('/v2/') ? 200 : 503}\r\nretry-after: 2\r\ncontent-length: 0\r\n\r\n`,
    );
  });
  await using registry = openRegistry({
    url: 'http://registry.test',
    dispatcher: dispatcherFor({ HTTP_PROXY: server.url }),
  });
  await expect(registry.repository('demo/app').getManifest('1')).rejects.toMatchObject({
    code: 'ERR_REGISTRY_UNAVAILABLE',
    retryAfterMs: 2_000,
    dockerMessage: expect.stringMatching(/^received unexpected HTTP status: 503/),
  });
  expect(sent).toContain('GET http://registry.test/v2/demo/app/manifests/1');
});

test.skipIf(requireTool('docker-registry'))(
  'a blob in each shape, and a manifest, go through a plain http proxy',
  async () => {
    await using server = await startDebianRegistry();
    const { port } = new URL(server.url);
    await using registry = open(port, true);
    const repository = registry.repository('demo/app');
    for (const [at, upload] of Object.values(uploadShapes).entries()) {
      const layer = testBytes(300_000, at);
      const digest = digestBytes(layer);
      await using session = await beginSession(repository);
      await upload(session, contentOf(layer), digest);
      expect(await collect(repository.openBlob(digest, { from: 299_000 }))).toEqual(layer.subarray(299_000));
    }
    const manifest = manifestOf(testBytes(300_000));
    const put = await repository.putManifest('1', manifest, { mediaType: mediaTypes.ociManifest });
    expect(put.digest).toBe(digestBytes(manifest));
  },
);
