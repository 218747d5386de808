import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { contentOf, digestBytes } from '@slipway/digest';
import { createFakeHome, type FakeHome, findTool, requireTool, startRegistry } from '@slipway/testkit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openRegistry } from '../../src/index.ts';
import { dispatcherFor, type ProxyVariables } from '../../src/proxy.ts';
import { beginSession, collect, testBytes } from '../push-through.ts';
import { type MadeCertificate, makeCertificate } from '../tls/make-certificate.ts';

const bytes = testBytes(300_000);
const digest = digestBytes(bytes);

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

interface SocksServer extends AsyncDisposable {
  readonly host: string;
}

/** Debian's microsocks on a free port of the loopback. */
async function startSocks(...args: readonly string[]): Promise<SocksServer> {
  const port = await freePort();
  const child = spawn(findTool('microsocks') ?? 'microsocks', ['-i', '127.0.0.1', '-p', String(port), ...args], {
    stdio: 'ignore',
  });
  const ended = once(child, 'exit');
  for (;;) {
    const socket = connect(port, '127.0.0.1');
    const isUp = await Promise.race([
      once(socket, 'connect').then(() => true),
      once(socket, 'error').then(() => false),
    ]).catch(() => false);
    socket.destroy();
    if (isUp) break;
    if (child.exitCode !== null) throw new Error('microsocks ended');
    await wait(20);
  }
  return {
    host: `127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      child.kill();
      await ended;
    },
  };
}

/**
 * A SOCKS5 server that notes where it was asked to connect to, leads everything to one port, or answers with a failure.
 */
async function startScriptedSocks(port: number, reply = 0): Promise<SocksServer & { readonly asked: string[] }> {
  const asked: string[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.once('data', () => {
      socket.write(Uint8Array.of(5, 0));
      socket.once('data', (request) => {
        const [, , , type = 0, length = 0] = request;
        asked.push(
          type === 3 ? `name ${request.subarray(5, 5 + length)}` : `address ${request.subarray(4, -2).join('.')}`,
        );
        socket.write(Uint8Array.of(5, reply, 0, 1, 0, 0, 0, 0, 0, 0));
        if (reply !== 0) return void socket.end();
        const upstream = connect(port, '127.0.0.1');
        sockets.add(upstream);
        upstream.on('error', () => socket.destroy());
        socket.pipe(upstream).pipe(socket);
      });
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

const portOf = (url: string): number => Number(new URL(url).port);

/** Pushes and reads a blob. No name may be resolved on this side. */
async function pushThrough(variables: ProxyVariables, url: string, ca?: string): Promise<void> {
  await using registry = openRegistry({
    url,
    dispatcher: dispatcherFor(variables),
    ...(ca !== undefined && { connect: { ca } }),
    lookup: async () => {
      throw new Error('the proxy resolves names');
    },
  });
  const repository = registry.repository('demo/app');
  const session = await beginSession(repository);
  await session.put(contentOf(bytes), digest);
  expect(Buffer.compare(await collect(repository.openBlob(digest)), bytes)).toBe(0);
}

// Loopback is never proxied, and a test contacts nothing else: 0.0.0.0 is another address that leads to this machine.
describe.skipIf(requireTool('microsocks'))('through a real SOCKS5 server', () => {
  let home: FakeHome;
  let authority: MadeCertificate;
  let certificate: MadeCertificate;

  beforeAll(async () => {
    home = await createFakeHome();
    authority = await makeCertificate(home.homeFolder, { name: 'authority', isAuthority: true });
    certificate = await makeCertificate(home.homeFolder, { name: 'server', names: 'IP:0.0.0.0', issuer: authority });
  });
  afterAll(async () => {
    await home[Symbol.asyncDispose]();
  });

  test.each(['socks5', 'socks5h'])('%s: a blob goes up and comes back, by http and by https', async (scheme) => {
    await using socks = await startSocks();
    await using plain = await startRegistry();
    await pushThrough({ HTTP_PROXY: `${scheme}://${socks.host}` }, `http://0.0.0.0:${portOf(plain.url)}`);
    await using secure = await startRegistry({ tls: certificate });
    const variables = { HTTPS_PROXY: `${scheme}://${socks.host}` };
    await pushThrough(variables, `https://0.0.0.0:${portOf(secure.url)}`, authority.cert);
  });

  test('with a user and a password', async () => {
    await using socks = await startSocks('-u', 'ann', '-P', 'p@ss:word');
    await using server = await startRegistry();
    const url = `http://0.0.0.0:${portOf(server.url)}`;
    await pushThrough({ ALL_PROXY: `socks5://ann:p%40ss%3Aword@${socks.host}` }, url);
    for (const user of ['ann:hunter22@', '']) {
      await expect(pushThrough({ ALL_PROXY: `socks5://${user}${socks.host}` }, url)).rejects.toMatchObject({
        code: 'ERR_REGISTRY_UNREACHABLE',
        reason: 'ERR_PROXY_REFUSED',
        transient: false,
        message: expect.stringMatching(/the proxy socks5:\/\/127\.0\.0\.1:\d+ wants another user name or password$/),
      });
    }
  });

  test('to a registry that is not there', async () => {
    await using socks = await startSocks();
    const url = `http://0.0.0.0:${await freePort()}`;
    await expect(pushThrough({ ALL_PROXY: `socks5://ann:hunter22@${socks.host}` }, url)).rejects.toMatchObject({
      code: 'ERR_REGISTRY_UNREACHABLE',
      message: expect.stringContaining(`socks5://${socks.host}`),
    });
  });
});

describe('a SOCKS5 proxy', () => {
  test('is given names as they are', async () => {
    await using server = await startRegistry();
    await using socks = await startScriptedSocks(portOf(server.url));
    await pushThrough({ ALL_PROXY: `socks5://${socks.host}` }, 'http://registry.corp.test:5000');
    expect(new Set(socks.asked)).toEqual(new Set(['name registry.corp.test']));
  });

  test('is given addresses as addresses', async () => {
    await using server = await startRegistry();
    await using socks = await startScriptedSocks(portOf(server.url));
    await pushThrough({ ALL_PROXY: `socks5://${socks.host}` }, 'http://10.1.2.3:5000');
    expect(new Set(socks.asked)).toEqual(new Set(['address 10.1.2.3']));
  });

  test.each([
    [1, 'ERR_PROXY_REFUSED', false],
    [2, 'ERR_PROXY_REFUSED', false],
    [3, 'ENETUNREACH', true],
    [4, 'EHOSTUNREACH', true],
    [5, 'ECONNREFUSED', true],
    [9, 'ERR_PROXY_REFUSED', false],
    [99, 'ERR_PROXY_REFUSED', false],
    [255, 'ERR_PROXY_REFUSED', false],
  ])('that answers with failure %d is named', async (reply, reason, transient) => {
    await using socks = await startScriptedSocks(1, reply);
    await expect(
      pushThrough({ ALL_PROXY: `socks5://ann:hunter22@${socks.host}` }, 'http://registry.corp.test:5000'),
    ).rejects.toMatchObject({
      code: 'ERR_REGISTRY_UNREACHABLE',
      reason,
      transient,
      proxy: `socks5://${socks.host}`,
      message: expect.stringMatching(
        new RegExp(`the proxy socks5://${socks.host} cannot connect to registry.corp.test:5000(?!.*undefined)`),
      ),
    });
  });

  test('that is not there is named, and the kind of failure stays', async () => {
    const port = await freePort();
    await expect(
      pushThrough({ ALL_PROXY: `socks5://ann:hunter22@127.0.0.1:${port}` }, 'http://registry.corp.test:5000'),
    ).rejects.toMatchObject({
      reason: 'ECONNREFUSED',
      transient: true,
      message: expect.stringMatching(/by way of the proxy socks5:\/\/127\.0\.0\.1:\d+\)$/),
    });
  });

  test('that is none, and never answers, is given up in time', async () => {
    const silent = createServer((socket) => void socket.on('error', () => {})).listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const { port } = silent.address() as AddressInfo;
    await using registry = openRegistry({
      url: 'http://registry.corp.test:5000',
      dispatcher: dispatcherFor({ ALL_PROXY: `socks5://127.0.0.1:${port}` }),
      timeouts: { connectMs: 200 },
    });
    await expect(registry.ping()).rejects.toMatchObject({ reason: 'timeout', transient: true });
    await registry[Symbol.asyncDispose]();
    silent.close();
  });
});
