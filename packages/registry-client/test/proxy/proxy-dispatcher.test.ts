import { once } from 'node:events';
import { createServer, request as httpRequest, type IncomingMessage, type Server } from 'node:http';
import { createServer as createTLSServer } from 'node:https';
import { type AddressInfo, connect, createServer as createRawServer, type Socket } from 'node:net';
import { createFakeHome, type FakeHome } from '@slipway/testkit';
import type { Dispatcher } from 'undici/index.js';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { DispatcherOptions } from '../../src/options.ts';
import { dispatcherFor } from '../../src/proxy/proxy-dispatcher.ts';
import type { ProxyVariables } from '../../src/proxy/proxy-for.ts';
import { type MadeCertificate, makeCertificate } from '../tls/make-certificate.ts';

let folder: FakeHome;
let authority: MadeCertificate;
let plain: Server;
let secure: Server;
let forward: Server;
let forwardTLS: Server;
/** What the proxies were asked, and with which authorization. */
let asked: { what: string; authorization: string | undefined }[];
let refuse: number | undefined;
let refusalHeaders: string;
/** Takes CONNECT, and answers nothing. */
let isSilent: boolean;
const closers: (() => Promise<void>)[] = [];
const sockets = new Set<Socket>();

const portOf = (server: Server): number => (server.address() as AddressInfo).port;

async function listen(server: Server): Promise<Server> {
  server.on('connection', (socket) => sockets.add(socket));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

/** A proxy as they are: CONNECT opens a tunnel, an absolute URI is fetched. Every name leads to this machine. */
function asProxy(server: Server): Server {
  const note = (what: string, { headers }: IncomingMessage): void => {
    asked.push({ what, authorization: headers['proxy-authorization'] });
  };
  server.on('connect', (request, socket: Socket) => {
    note(`CONNECT ${request.url}`, request);
    socket.on('error', () => {});
    if (isSilent) return sockets.add(socket);
    if (refuse) return socket.end(`HTTP/1.1 ${refuse} No\r\n${refusalHeaders}\r\n`);
    const upstream = connect(Number(request.url?.split(':').at(-1)), '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n');
      socket.pipe(upstream).pipe(socket);
    });
    sockets.add(upstream);
    upstream.on('error', () => socket.destroy());
    socket.on('close', () => upstream.destroy());
    return undefined;
  });
  server.on('request', (request, response) => {
    note(`${request.method} ${request.url}`, request);
    if (refuse) return response.writeHead(refuse).end();
    const { port, pathname } = new URL(request.url ?? '');
    httpRequest({ port, path: pathname, headers: request.headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 500);
      answer.pipe(response);
    }).end();
    return undefined;
  });
  return server;
}

beforeAll(async () => {
  folder = await createFakeHome();
  authority = await makeCertificate(folder.homeFolder, { name: 'authority', isAuthority: true });
  const server = await makeCertificate(folder.homeFolder, {
    name: 'server',
    names: 'DNS:registry.test,DNS:localhost,IP:127.0.0.1',
    issuer: authority,
  });
  plain = await listen(createServer((_, response) => response.end('plain')));
  secure = await listen(createTLSServer(server, (_, response) => response.end('secure')));
  forward = await listen(asProxy(createServer()));
  forwardTLS = await listen(asProxy(createTLSServer(server)));
});

afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

afterAll(async () => {
  for (const socket of sockets) socket.destroy();
  for (const server of [plain, secure, forward, forwardTLS]) server.close();
  await folder[Symbol.asyncDispose]();
});

/** A server below HTTP, which is handed the first head that comes. */
async function listenRaw(answer: (socket: Socket, head: string) => unknown): Promise<Server> {
  const server = createRawServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', (head) => answer(socket, head.toString('latin1')));
  }) as Server;
  closers.push(async () => void server.close());
  return await listen(server);
}

function open(
  variables: ProxyVariables,
  tls: DispatcherOptions['tls'] = { ca: authority.cert },
  connectTimeoutMs = 5_000,
): Dispatcher {
  asked = [];
  refuse = undefined;
  refusalHeaders = '';
  isSilent = false;
  const dispatcher = dispatcherFor(variables)({
    tls,
    connectTimeoutMs,
    tlsTimeoutMs: 5_000,
    connections: 4,
    maxHeaderSize: 65_536,
  });
  closers.push(() => dispatcher.destroy());
  return dispatcher;
}

async function get(dispatcher: Dispatcher, origin: string): Promise<string> {
  const { body } = await dispatcher.request({ origin, path: '/v2/', method: 'GET' });
  return await body.text();
}

describe('dispatcherFor', () => {
  test('https registries are reached through a tunnel, with the registry’s own certificate checked', async () => {
    const dispatcher = open({ HTTPS_PROXY: `http://127.0.0.1:${portOf(forward)}` });
    await expect(get(dispatcher, `https://registry.test:${portOf(secure)}`)).resolves.toBe('secure');
    expect(asked).toEqual([{ what: `CONNECT registry.test:${portOf(secure)}`, authorization: undefined }]);
    await expect(get(dispatcher, `https://other.test:${portOf(secure)}`)).rejects.toMatchObject({
      code: 'ERR_TLS_CERT_ALTNAME_INVALID',
    });
  });

  test('http registries are asked for by absolute URI', async () => {
    const dispatcher = open({ HTTP_PROXY: `http://127.0.0.1:${portOf(forward)}` });
    await expect(get(dispatcher, `http://registry.test:${portOf(plain)}`)).resolves.toBe('plain');
    expect(asked).toEqual([{ what: `GET http://registry.test:${portOf(plain)}/v2/`, authorization: undefined }]);
  });

  test.each([
    ['https', () => secure, 'secure'],
    ['http', () => plain, 'plain'],
  ])('the proxy may be https, to %s', async (scheme, server, answer) => {
    const dispatcher = open({ ALL_PROXY: `https://localhost:${portOf(forwardTLS)}` });
    await expect(get(dispatcher, `${scheme}://registry.test:${portOf(server())}`)).resolves.toBe(answer);
    expect(asked).toHaveLength(1);
  });

  test.each([
    ['me:p%40w', 'me:p@w'],
    ['token', 'token:'],
    ['me:50%', 'me:50%'],
  ])('the proxy is told user and password: %s', async (userinfo, expected) => {
    const dispatcher = open({ ALL_PROXY: `http://${userinfo}@127.0.0.1:${portOf(forward)}` });
    await get(dispatcher, `https://registry.test:${portOf(secure)}`);
    await get(dispatcher, `http://registry.test:${portOf(plain)}`);
    const authorization = `Basic ${Buffer.from(expected).toString('base64')}`;
    expect(asked.map((request) => request.authorization)).toEqual([authorization, authorization]);
  });

  test('a client certificate goes to the registry, not to the proxy', async () => {
    const client = await makeCertificate(folder.homeFolder, { name: 'client', issuer: authority });
    const seen: Record<string, boolean> = {};
    const { cert, key } = await makeCertificate(folder.homeFolder, {
      name: 'mutual',
      names: 'DNS:registry.test,DNS:localhost',
      issuer: authority,
    });
    const askingForClients = { cert, key, ca: authority.cert, requestCert: true, rejectUnauthorized: false };
    const noting = (name: string) => (socket: { authorized: boolean }) => {
      seen[name] ??= socket.authorized;
    };
    const registry = createTLSServer(askingForClients, (_, response) => response.end('mutual'));
    const proxy = asProxy(createTLSServer(askingForClients));
    registry.on('secureConnection', noting('registry'));
    proxy.on('secureConnection', noting('proxy'));
    await Promise.all([listen(registry), listen(proxy)]);
    closers.push(async () => {
      registry.close();
      proxy.close();
    });
    const dispatcher = open(
      { ALL_PROXY: `https://localhost:${portOf(proxy)}` },
      { ca: authority.cert, cert: client.cert, key: client.key },
    );
    await expect(get(dispatcher, `https://registry.test:${portOf(registry)}`)).resolves.toBe('mutual');
    expect(seen).toEqual({ registry: true, proxy: false });
  });

  test('loopback and NO_PROXY are reached straight', async () => {
    const dispatcher = open({ ALL_PROXY: `http://127.0.0.1:${portOf(forward)}` });
    await expect(get(dispatcher, `https://localhost:${portOf(secure)}`)).resolves.toBe('secure');
    await expect(get(dispatcher, `http://127.0.0.1:${portOf(plain)}`)).resolves.toBe('plain');
    expect(asked).toEqual([]);
  });

  test.each([
    [407, 'https', /^the proxy http:\/\/127\.0\.0\.1:\d+ wants another user name or password \(407\)$/],
    [407, 'http', /^the proxy http:\/\/127\.0\.0\.1:\d+ wants another user name or password \(407\)$/],
    [403, 'https', /^the proxy http:\/\/127\.0\.0\.1:\d+ refused CONNECT \(403\)$/],
  ])('a proxy that answers %d to %s is named, without its password', async (status, scheme, message) => {
    const dispatcher = open({ ALL_PROXY: `http://me:hunter2@127.0.0.1:${portOf(forward)}` });
    refuse = status;
    await expect(get(dispatcher, `${scheme}://registry.test:5000`)).rejects.toMatchObject({
      code: 'ERR_PROXY_REFUSED',
      transient: false,
      message: expect.stringMatching(message),
    });
  });

  test.each([
    [400, undefined, { transient: false, retryAfterMs: undefined }],
    [405, '9', { transient: false, retryAfterMs: undefined }],
    [429, '7', { transient: true, retryAfterMs: 7_000 }],
    [500, undefined, { transient: true, retryAfterMs: undefined }],
    [504, '-3', { transient: true, retryAfterMs: undefined }],
  ])('a proxy that answers CONNECT with %d, to be asked again after %s', async (status, retryAfter, expected) => {
    const dispatcher = open({ HTTPS_PROXY: `http://127.0.0.1:${portOf(forward)}` });
    refuse = status;
    refusalHeaders = retryAfter === undefined ? '' : `Retry-After: ${retryAfter}\r\n`;
    await expect(get(dispatcher, 'https://registry.test:5000')).rejects.toMatchObject({
      code: 'ERR_PROXY_REFUSED',
      message: expect.stringContaining(`refused CONNECT (${status})`),
      ...expected,
    });
  });

  test('any 2xx opens a tunnel, also after an interim answer', async () => {
    const proxy = await listenRaw((socket, head) => {
      const upstream = connect(Number(/:(\d+) HTTP/.exec(head)?.[1]), '127.0.0.1', () => {
        socket.write('HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 202 Open\r\n\r\n');
        socket.pipe(upstream).pipe(socket);
      });
      sockets.add(upstream);
    });
    const dispatcher = open({ ALL_PROXY: `http://127.0.0.1:${portOf(proxy)}` });
    await expect(get(dispatcher, `https://registry.test:${portOf(secure)}`)).resolves.toBe('secure');
  });

  test('an IPv6 address is asked for in brackets', async () => {
    const dispatcher = open({ ALL_PROXY: `http://127.0.0.1:${portOf(forward)}` });
    refuse = 403;
    await expect(get(dispatcher, 'https://[2001:db8::1]:5443')).rejects.toMatchObject({ code: 'ERR_PROXY_REFUSED' });
    await expect(get(dispatcher, 'https://[2001:db8::1]')).rejects.toMatchObject({ code: 'ERR_PROXY_REFUSED' });
    expect(asked.map(({ what }) => what)).toEqual(['CONNECT [2001:db8::1]:5443', 'CONNECT [2001:db8::1]:443']);
  });

  test.each([
    ['says nothing at all', () => {}, 'did not answer CONNECT within 150 ms'],
    ['stops within its head', (socket: Socket) => socket.write('HTTP/1.1 200 OK\r\nVia:'), 'did not answer CONNECT'],
  ])('a proxy that takes CONNECT and %s is not waited for any longer than a host', async (_, answer, message) => {
    const proxy = await listenRaw(answer);
    const dispatcher = open({ HTTPS_PROXY: `http://127.0.0.1:${portOf(proxy)}` }, {}, 150);
    await expect(get(dispatcher, 'https://registry.test')).rejects.toMatchObject({
      code: 'UND_ERR_CONNECT_TIMEOUT',
      message: expect.stringContaining(`the proxy http://127.0.0.1:${portOf(proxy)} ${message}`),
    });
  });

  test('a proxy that goes silent once a tunnel stands is not waited for either', async () => {
    const dispatcher = open({ HTTPS_PROXY: `http://127.0.0.1:${portOf(forward)}` }, { ca: authority.cert }, 2_000);
    await expect(get(dispatcher, `https://registry.test:${portOf(secure)}`)).resolves.toBe('secure');
    isSilent = true;
    await expect(get(dispatcher, 'https://other.test')).rejects.toMatchObject({ code: 'UND_ERR_CONNECT_TIMEOUT' });
  });

  test.each([
    ['closes the connection', (socket: Socket) => socket.end(), 'ECONNRESET', 'did not answer CONNECT'],
    ['speaks another language', (socket: Socket) => socket.end('220 mail'), 'ERR_PROXY_REFUSED', 'does not answer in'],
  ])('a proxy that %s is named', async (_, answer, code, message) => {
    const proxy = await listenRaw(answer);
    const dispatcher = open({ HTTPS_PROXY: `http://127.0.0.1:${portOf(proxy)}` });
    await expect(get(dispatcher, 'https://registry.test')).rejects.toMatchObject({
      code,
      message: expect.stringContaining(`the proxy http://127.0.0.1:${portOf(proxy)}`),
    });
    await expect(get(dispatcher, 'https://registry.test')).rejects.toThrow(message);
  });

  test.each([
    ['speaks plain http', () => forward, 'the other side does not speak TLS', 'does not speak TLS: write http://127'],
    ['has a certificate that nobody knows', () => forwardTLS, 'certificate', 'SSL_CERT_FILE'],
  ])('an https proxy that %s is told apart from the registry', async (_, server, message, hint) => {
    const warnings: Error[] = [];
    const note = (warning: Error): number => warnings.push(warning);
    process.on('warning', note);
    const proxy = `https://127.0.0.1:${portOf(server())}`;
    const dispatcher = open({ HTTPS_PROXY: proxy }, {});
    await expect(get(dispatcher, 'https://registry.test')).rejects.toMatchObject({
      code: 'ERR_PROXY_TLS',
      message: expect.stringMatching(new RegExp(`^TLS with the proxy ${proxy} failed: .*${message}`)),
      hint: expect.stringContaining(hint),
    });
    process.off('warning', note);
    expect(warnings).toEqual([]); // of a name that is an address
  });

  test('a proxy that is not there is named, and the kind of failure stays', async () => {
    const gone = await listen(createServer());
    const port = portOf(gone);
    gone.close();
    const dispatcher = open({ ALL_PROXY: `http://me:hunter2@127.0.0.1:${port}` });
    await expect(get(dispatcher, 'https://registry.test')).rejects.toMatchObject({
      code: 'ECONNREFUSED',
      message: expect.stringContaining(`(by way of the proxy http://127.0.0.1:${port})`),
    });
  });

  test('a bad variable fails the request', async () => {
    await expect(get(open({ ALL_PROXY: 'ftp://proxy' }), 'https://registry.test')).rejects.toMatchObject({
      code: 'ERR_PROXY_INVALID',
    });
  });

  test('closing ends all connections, direct and proxied', async () => {
    const dispatcher = open({ HTTPS_PROXY: `http://127.0.0.1:${portOf(forward)}` });
    await get(dispatcher, `https://registry.test:${portOf(secure)}`);
    await get(dispatcher, `http://localhost:${portOf(plain)}`);
    await dispatcher.close();
    await expect(get(dispatcher, `https://registry.test:${portOf(secure)}`)).rejects.toMatchObject({
      code: 'UND_ERR_DESTROYED',
    });
  });
});
