import { contentOf, digestBytes } from '@slipway/digest';
import { describe, expect, test } from 'vitest';
import { openRegistry, type Registry } from '../../src/index.ts';
import { dispatcherFor } from '../../src/proxy.ts';
import { beginSession, testBytes } from '../push-through.ts';
import { type Script, type ScriptedServer, startScriptedServer } from '../scripted-server.ts';

const digest = digestBytes(testBytes(10));

/** A registry that is reached by a proxy which answers by itself. */
function openBehind(proxy: ScriptedServer, timeouts = {}): Registry {
  return openRegistry({
    url: 'http://registry.corp.test:5000',
    dispatcher: dispatcherFor({ HTTP_PROXY: `http://ann:hunter22@127.0.0.1:${proxy.port}` }),
    timeouts,
  });
}

/** The registry's own answer to the ping, by way of the proxy. */
function afterProxiedPing(script: Script): Script {
  return (request, response) => {
    if (request.url.endsWith('/v2/')) return void response.end('{}');
    return script(request, response);
  };
}

describe('a request through a proxy', () => {
  test.each([
    [403, 'ERR_REGISTRY_DENIED'],
    [502, 'ERR_REGISTRY_UNAVAILABLE'],
    [503, 'ERR_REGISTRY_UNAVAILABLE'],
    [504, 'ERR_REGISTRY_UNAVAILABLE'],
  ])('that is answered %d by a page names the proxy, and NO_PROXY', async (status, code) => {
    const page = '<html><head><title>ERROR: The requested URL could not be retrieved</title></head></html>';
    await using proxy = await startScriptedServer(
      afterProxiedPing((_, response) => void response.writeHead(status, { 'content-type': 'text/html' }).end(page)),
    );
    await using registry = openBehind(proxy);
    await expect(registry.repository('a').beginUpload()).rejects.toMatchObject({
      code,
      proxy: `http://127.0.0.1:${proxy.port}`,
      message: `POST http://registry.corp.test:5000/v2/a/blobs/uploads/ answered ${status}: an HTML page, "ERROR: The requested URL could not be retrieved" (by way of the proxy http://127.0.0.1:${proxy.port})`,
      hint: expect.stringContaining('add registry.corp.test to NO_PROXY'),
    });
  });

  test('that the registry itself refuses names the proxy, and no NO_PROXY', async () => {
    await using proxy = await startScriptedServer(
      afterProxiedPing(
        (_, response) =>
          void response
            .writeHead(403, { 'content-type': 'application/json' })
            .end('{"errors":[{"code":"DENIED","message":"quota"}]}'),
      ),
    );
    await using registry = openBehind(proxy);
    await expect(registry.repository('a').beginUpload()).rejects.toMatchObject({
      message: expect.stringContaining(`(by way of the proxy http://127.0.0.1:${proxy.port})`),
      hint: expect.not.stringContaining('NO_PROXY'),
    });
  });

  test.each<[string, Script, (registry: Registry) => Promise<unknown>]>([
    ['gets no answer', () => {}, (registry) => registry.repository('a').statBlob(digest)],
    [
      'gets no answer to its body',
      async (request, response) => {
        await request.read();
        if (request.method === 'POST') response.writeHead(202, { location: '/u' }).end();
      },
      async (registry) => (await beginSession(registry.repository('a'))).put(contentOf(testBytes(10)), digest),
    ],
    [
      'is cut off',
      (request) => void request.raw.socket.destroy(),
      (registry) => registry.repository('a').beginUpload(),
    ],
    [
      'gets half an answer',
      (_, response) => void response.writeHead(200, { 'content-length': '100' }).write('{'),
      (registry) => registry.repository('a').getManifest('v1'),
    ],
    [
      'gets a web page',
      (_, response) => void response.writeHead(200, { 'content-type': 'text/html' }).end('<html>'),
      (registry) => registry.repository('a').getManifest('v1'),
    ],
    [
      'gets what breaks the protocol',
      (_, response) => void response.writeHead(202).end(),
      (registry) => registry.repository('a').beginUpload(),
    ],
  ])('that %s names the proxy', async (_, script, act) => {
    await using proxy = await startScriptedServer(afterProxiedPing(script));
    await using registry = openBehind(proxy, { metadataMs: 300, commitMs: 300 });
    const error = await act(registry).then(
      () => undefined,
      (failure: unknown) => failure,
    );
    expect(error).toMatchObject({
      proxy: `http://127.0.0.1:${proxy.port}`,
      message: expect.stringContaining(`http://127.0.0.1:${proxy.port}`),
    });
    expect(String(error)).not.toContain('hunter22');
  });
});
