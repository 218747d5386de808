import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { createServer as createTlsServer } from 'node:tls';
import {
  randomImage,
  type TemporaryFolder,
  temporaryFolder,
  testCertificates,
  writeDockerArchive,
} from '@slipway/testkit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runCli } from './run-cli.ts';

// This suite runs on Node and on the executable: what is expected to the letter here, both of them say.
let folder: TemporaryFolder;
beforeAll(async () => {
  folder = await temporaryFolder();
  const image = await randomImage({ seed: 'words', layers: [{ size: 2_000, kind: 'random' }] });
  await writeDockerArchive(join(folder.path, 'image.tar'), [{ image, references: ['demo/app:v1'] }]);
});
afterAll(async () => {
  await folder[Symbol.asyncDispose]();
});

describe('failures of the network are told in the same words by every runtime', () => {
  test.each([
    ['a name that is not there', 'nosuch.invalid/me/app:1', 'https'],
    ['the same without TLS', 'nosuch.invalid:5000/me/app:1', 'http'],
  ])('%s', async (_, destination, scheme) => {
    const { code, stderr } = await push([destination, ...(scheme === 'http' ? ['--plain-http'] : [])]);
    expect(code, stderr).toBe(5);
    const [host = ''] = destination.split('/');
    // Where there is no resolver at all, it is EAI_AGAIN.
    const words = new RegExp(
      `GET ${scheme}://${host}/v2/ failed: getaddrinfo (?:ENOTFOUND|EAI_AGAIN) nosuch\\.invalid$`,
      'm',
    );
    expect(stderr).toMatch(words);
  });

  test.each<[name: string, answer: (socket: Socket) => void]>([
    ['is ended', (socket) => socket.end()],
    ['is reset', (socket) => socket.resetAndDestroy()],
    ['ends within the head of an answer', (socket) => socket.end('HTTP/1.1 200 OK\r\nContent-')],
  ])('a connection that %s', async (_, answer) => {
    await using server = await listening(createServer((socket) => socket.once('data', () => answer(socket))));
    const { code, stderr } = await push([`127.0.0.1:${server.port}/me/app:1`, '--plain-http']);
    expect(code, stderr).toBe(5);
    expect(stderr).toContain(`GET http://127.0.0.1:${server.port}/v2/ failed: the connection was closed\n`);
  });

  test.each([
    ['an authority that nobody knows', 'tls.example', 'self-signed certificate in certificate chain'],
    [
      'a connection that ends before TLS is there',
      'closed.example',
      'the connection was closed before TLS was agreed on',
    ],
  ])('%s, behind a proxy', async (_, host, words) => {
    const { cert, ca, key } = await testCertificates();
    await using secure = await listening(createTlsServer({ cert: `${cert}${ca}`, key }).on('tlsClientError', () => {}));
    await using closed = await listening(createServer((socket) => socket.once('data', () => socket.end())));
    await using proxy = await listening(
      createHttpServer().on('connect', ({ url }, socket: Socket) => {
        const upstream = connect(url?.startsWith('tls.') ? secure.port : closed.port, '127.0.0.1');
        for (const end of [socket, upstream]) end.on('error', () => {});
        socket.on('close', () => upstream.destroy());
        socket.write('HTTP/1.1 200 OK\r\n\r\n');
        upstream.pipe(socket).pipe(upstream);
      }),
    );
    const address = `http://127.0.0.1:${proxy.port}`;
    const { code, stderr } = await push([`${host}/me/app:1`], { HTTPS_PROXY: address });
    expect(code, stderr).toBe(5);
    expect(stderr).toContain(`GET https://${host}/v2/ failed: ${words} (by way of the proxy ${address})\n`);
  });
});

test('a port that another program has', async () => {
  await using other = await listening(createServer());
  const { code, stderr } = await runCli(['registry', 'serve', '--port', `${other.port}`]);
  expect([code, stderr]).toEqual([
    1,
    `slipway: cannot serve on 127.0.0.1:${other.port}: address already in use\n` +
      '  hint: another program has this port; --port 0 takes a free one\n',
  ]);
});

async function push(args: readonly string[], env: Readonly<Record<string, string>> = {}): ReturnType<typeof runCli> {
  const image = join(folder.path, 'image.tar');
  return await runCli(['push', image, ...args, '--retries', '0', '--no-cache'], { env: { HOME: folder.path, ...env } });
}

async function listening(server: Server): Promise<AsyncDisposable & { readonly port: number }> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => sockets.add(socket.on('error', () => {})));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
