import { once } from 'node:events';
import { createServer, type Server, type ServerOptions } from 'node:https';
import { type AddressInfo, createServer as createTCPServer } from 'node:net';
import { connect } from 'node:tls';
import { createFakeHome, type FakeHome } from '@slipway/testkit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { explainTLSError } from '../../src/tls/explain-tls-error.ts';
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

async function serve(
  made: MadeCertificate,
  chain: readonly MadeCertificate[] = [],
  options: ServerOptions = {},
): Promise<URL> {
  const server = createServer({ ...options, key: made.key, cert: [made, ...chain].map(({ cert }) => cert).join('\n') });
  servers.push(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return new URL(`https://localhost:${(server.address() as AddressInfo).port}`);
}

/** What Node says of the server. */
async function failureOf(url: URL, ca?: string): Promise<Error> {
  const socket = connect({ host: url.hostname, port: Number(url.port), servername: 'localhost', ...(ca && { ca }) });
  const [error] = await once(socket, 'error');
  return error;
}

describe('explainTLSError', () => {
  test('a certificate that signs itself', async () => {
    const url = await serve(await makeCertificate(home.homeFolder, { name: 'alone', names: 'DNS:localhost' }));
    const explanation = await explainTLSError(await failureOf(url), url);
    expect(explanation).toMatchObject({
      message: expect.stringMatching(
        /^the certificate of localhost:\d+ is signed by itself \(subject CN=alone; issuer CN=alone; valid from \d{4}-.*Z to \d{4}-.*Z\)$/,
      ),
      code: 'DEPTH_ZERO_SELF_SIGNED_CERT',
      certificate: { subject: 'CN=alone', issuer: 'CN=alone', names: 'DNS:localhost' },
    });
  });

  test('an authority nobody knows', async () => {
    const url = await serve(
      await makeCertificate(home.homeFolder, { name: 'orphan', names: 'DNS:localhost', issuer: authority }),
    );
    expect(await explainTLSError(await failureOf(url), url)).toMatchObject({
      message: expect.stringMatching(
        /^the certificate of localhost:\d+ comes from an authority that this machine does not know, .*\(subject CN=orphan; issuer CN=authority;/,
      ),
    });
  });

  test('an authority that is sent along but not trusted', async () => {
    const url = await serve(
      await makeCertificate(home.homeFolder, { name: 'chained', names: 'DNS:localhost', issuer: authority }),
      [authority],
    );
    expect(await explainTLSError(await failureOf(url), url)).toMatchObject({
      message: expect.stringMatching(
        /^a certificate in the chain of localhost:\d+ comes from an authority that this machine does not trust \(subject CN=authority;/,
      ),
      certificate: { subject: 'CN=authority' },
    });
  });

  test.each([
    ['has expired', { from: '20200101000000Z', to: '20200201000000Z' }, '2020-02-01T00:00:00.000Z'],
    ['is not valid yet', { from: '20990101000000Z', to: '20990201000000Z' }, '2099-02-01T00:00:00.000Z'],
  ])('one that %s', async (why, period, validTo) => {
    const url = await serve(
      await makeCertificate(home.homeFolder, {
        name: 'mistimed',
        names: 'DNS:localhost',
        issuer: authority,
        ...period,
      }),
    );
    const explanation = await explainTLSError(await failureOf(url, authority.cert), url);
    expect(explanation?.message).toContain(`the certificate of ${url.host} ${why} (subject CN=mistimed;`);
    expect(explanation?.certificate?.validTo).toBe(validTo);
  });

  test('an authority in between that has expired is the one that is named', async () => {
    const between = await makeCertificate(home.homeFolder, {
      name: 'between',
      isAuthority: true,
      issuer: authority,
      from: '20200101000000Z',
      to: '20200201000000Z',
    });
    const url = await serve(
      await makeCertificate(home.homeFolder, { name: 'leaf', names: 'DNS:localhost', issuer: between }),
      [between],
    );
    expect(await explainTLSError(await failureOf(url, authority.cert), url)).toMatchObject({
      message: expect.stringMatching(/^a certificate in the chain of localhost:\d+ has expired \(subject CN=between;/),
    });
  });

  test('another name, with those it is for', async () => {
    const url = await serve(
      await makeCertificate(home.homeFolder, {
        name: 'named',
        names: 'DNS:registry.test,IP:10.0.0.1',
        issuer: authority,
      }),
    );
    expect(await explainTLSError(await failureOf(url, authority.cert), url)).toMatchObject({
      message: expect.stringMatching(
        /is not for this name \(subject CN=named; .*; for DNS:registry\.test, IP Address:10\.0\.0\.1\)$/,
      ),
      code: 'ERR_TLS_CERT_ALTNAME_INVALID',
    });
  });

  test('a failure that is wrapped is found among the causes', async () => {
    const url = await serve(await makeCertificate(home.homeFolder, { name: 'wrapped' }));
    const wrapped = new Error('push failed', { cause: new Error('GET failed', { cause: await failureOf(url) }) });
    expect(await explainTLSError(wrapped, url)).toMatchObject({ certificate: { subject: 'CN=wrapped' } });
  });

  test.each([
    ['not about a certificate', Object.assign(new Error('refused'), { code: 'ECONNREFUSED' })],
    ['no error', 'text'],
    ['its own cause', cyclic()],
  ])('%s is not explained', async (_, error) => {
    expect(await explainTLSError(error, new URL('https://localhost:1'))).toBeUndefined();
  });

  test('a registry that cannot be looked at still has a reason', async () => {
    const expired = Object.assign(new Error('certificate has expired'), { code: 'CERT_HAS_EXPIRED' });
    const unknown = Object.assign(new Error('x'), { code: 'CERT_REJECTED' });
    const silent = createTCPServer().listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const silentURL = new URL(`https://127.0.0.1:${(silent.address() as AddressInfo).port}`);
    expect(await explainTLSError(expired, silentURL, { timeoutMs: 50 })).toEqual({
      message: `the certificate of ${silentURL.host} has expired`,
      code: 'CERT_HAS_EXPIRED',
      certificate: undefined,
    });
    expect(await explainTLSError(unknown, silentURL, { signal: AbortSignal.abort() })).toMatchObject({
      message: `the certificate of ${silentURL.host} was refused (CERT_REJECTED)`,
    });
    silent.close();
  });
});

describe('a connection that was closed', () => {
  const closed = Object.assign(new Error('other side closed'), { code: 'UND_ERR_SOCKET' });

  test('by a server that misses a client certificate is told as that', async () => {
    const made = await makeCertificate(home.homeFolder, { name: 'mutual', names: 'DNS:localhost', issuer: authority });
    const url = await serve(made, [], { requestCert: true, rejectUnauthorized: true, ca: authority.cert });
    expect(await explainTLSError(closed, url)).toEqual({
      message: `${url.host} closes the connection as soon as TLS is agreed on: it may want a client certificate`,
      code: 'CLIENT_CERTIFICATE_WANTED',
      certificate: undefined,
    });
  });

  test('by one that waits for requests, or is no TLS server, is not explained', async () => {
    const url = await serve(await makeCertificate(home.homeFolder, { name: 'patient', names: 'DNS:localhost' }));
    expect(await explainTLSError(closed, url, { timeoutMs: 200 })).toBeUndefined();
    const plain = createTCPServer((socket) => socket.destroy()).listen(0, '127.0.0.1');
    await once(plain, 'listening');
    const plainURL = new URL(`https://127.0.0.1:${(plain.address() as AddressInfo).port}`);
    expect(await explainTLSError(closed, plainURL)).toBeUndefined();
    plain.close();
  });
});

function cyclic(): Error {
  const error = new Error('round');
  error.cause = error;
  return error;
}
