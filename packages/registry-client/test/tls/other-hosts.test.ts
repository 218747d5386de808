import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import type { RequestListener } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { requireTool, type TestCertificates, temporaryFolder, testCertificates } from '@slipway/testkit';
import { expect, test } from 'vitest';
import { openRegistry } from '../../src/index.ts';
import { loadTLSOptions, loadTLSOptionsOf } from '../../src/tls.ts';

async function serve(
  { cert, key, ca }: TestCertificates,
  wantsClient: boolean,
  listener: RequestListener,
): Promise<AsyncDisposable & { readonly host: string }> {
  const server = createServer({ cert, key, ca, requestCert: wantsClient, rejectUnauthorized: wantsClient }, listener);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

test.skipIf(requireTool('openssl')).each([
  ['--cert-dir', true],
  ['certs.d of the home folder', false],
])('a token server gets the certificates of its own folder: %s', async (_, isNamed) => {
  const [ofRegistry, ofTokens] = await Promise.all([testCertificates(), testCertificates()]);
  await using tokens = await serve(ofTokens, true, (_request, response) => {
    response.end(JSON.stringify({ token: 'the-token' }));
  });
  await using registry = await serve(ofRegistry, false, (request, response) => {
    const isKnown = request.headers.authorization === 'Bearer the-token';
    const challenge = { 'www-authenticate': `Bearer realm="https://${tokens.host}/token",service="x"` };
    response.writeHead(isKnown ? 404 : 401, isKnown ? {} : challenge).end();
  });
  await using folder = await temporaryFolder();
  const certificates = isNamed ? folder.path : join(folder.path, '.config/containers/certs.d');
  const put = async (host: string, files: Record<string, string>): Promise<void> => {
    await mkdir(join(certificates, host), { recursive: true });
    for (const [name, text] of Object.entries(files)) await writeFile(join(certificates, host, name), text);
  };
  await put(registry.host, { 'ca.crt': ofRegistry.ca });
  const sources = {
    homeFolder: folder.path,
    env: {},
    certFolder: isNamed ? certificates : undefined,
    systemFolders: [],
  };
  const stat = async (): Promise<unknown> => {
    await using client = openRegistry({
      url: `https://${registry.host}`,
      connect: await loadTLSOptions(registry.host, sources),
      connectTo: (host) => loadTLSOptionsOf(host, sources),
    });
    return await client.repository('demo/app').statManifest('1');
  };
  await expect(stat()).rejects.toMatchObject({ code: 'ERR_REGISTRY_UNREACHABLE', reason: 'tls' });
  await put(tokens.host, { 'ca.crt': ofTokens.ca, 'me.cert': ofTokens.clientCert, 'me.key': ofTokens.clientKey });
  expect(await stat()).toBeUndefined();
});
