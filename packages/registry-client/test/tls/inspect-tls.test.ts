import { once } from 'node:events';
import { createServer, type Server } from 'node:https';
import { type AddressInfo, createServer as createTCPServer } from 'node:net';
import { createFakeHome, type FakeHome } from '@slipway/testkit';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { inspectTLS } from '../../src/tls/inspect-tls.ts';
import { type MadeCertificate, makeCertificate } from './make-certificate.ts';

let home: FakeHome;
let authority: MadeCertificate;
const servers: Server[] = [];
beforeAll(async () => {
  home = await createFakeHome();
  authority = await makeCertificate(home.homeFolder, { name: 'authority', isAuthority: true });
});
afterAll(async () => {
  for (const server of servers) server.close();
  await home[Symbol.asyncDispose]();
});

async function serve(names: string): Promise<URL> {
  const made = await makeCertificate(home.homeFolder, { name: 'server', names, issuer: authority });
  const server = createServer({ key: made.key, cert: made.cert });
  servers.push(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return new URL(`https://localhost:${(server.address() as AddressInfo).port}`);
}

test('a chain that is trusted has no problem', async () => {
  const url = await serve('DNS:localhost');
  expect(await inspectTLS(url, { tls: { ca: authority.cert } })).toMatchObject({
    kind: 'agreed',
    protocol: 'TLSv1.3',
    problem: undefined,
    chain: [{ subject: 'CN=server', issuer: 'CN=authority', names: 'DNS:localhost' }],
  });
});

test.each([
  ['an authority that is not known', 'DNS:localhost', false, 'UNABLE_TO_VERIFY_LEAF_SIGNATURE'],
  ['another name', 'DNS:other.test', true, 'ERR_TLS_CERT_ALTNAME_INVALID'],
])('%s is told, and the chain all the same', async (_, names, isKnown, problem) => {
  const url = await serve(names);
  const tls = isKnown ? { ca: authority.cert } : {};
  expect(await inspectTLS(url, { tls })).toMatchObject({ kind: 'agreed', problem, chain: [{ subject: 'CN=server' }] });
});

test('a server without TLS, one that is not there, and one that says nothing', async () => {
  const plain = createTCPServer((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')).listen(0, '127.0.0.1');
  await once(plain, 'listening');
  const plainURL = new URL(`https://127.0.0.1:${(plain.address() as AddressInfo).port}`);
  expect(await inspectTLS(plainURL)).toMatchObject({ kind: 'failed', message: 'the other side does not speak TLS' });
  plain.close();
  expect(await inspectTLS(plainURL)).toMatchObject({ kind: 'failed', code: 'ECONNREFUSED' });
  const silent = createTCPServer().listen(0, '127.0.0.1');
  await once(silent, 'listening');
  const silentURL = new URL(`https://127.0.0.1:${(silent.address() as AddressInfo).port}`);
  expect(await inspectTLS(silentURL, { timeoutMs: 50 })).toEqual({
    kind: 'failed',
    code: 'ETIMEDOUT',
    message: 'no answer came within 50 ms',
  });
  await expect(inspectTLS(silentURL, { signal: AbortSignal.abort('ctrl-c') })).rejects.toBe('ctrl-c');
  silent.close();
});
