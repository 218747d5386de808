import { once } from 'node:events';
import { readdir, stat, writeFile } from 'node:fs/promises';
import { request as secureRequest } from 'node:https';
import { connect } from 'node:net';
import { join, relative } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import {
  randomImage,
  requireTool,
  seededRandom,
  startRegistry,
  temporaryFolder,
  testCertificates,
  writeDockerArchive,
} from '@slipway/testkit';
import { describe, expect, test } from 'vitest';
import { parseScope } from '../src/security/scope.ts';
import { startTestDaemon, type TestDaemon } from './daemon-fixture.ts';
import { pathsBelow } from './paths-below.ts';

async function token({ daemon }: TestDaemon, ...scopes: readonly string[]): Promise<Record<string, string>> {
  const { tokens } = daemon.context;
  const { text } = await tokens.create({ name: scopes.join(' '), scopes: scopes.map(parseScope) });
  return { authorization: `Bearer ${text}` };
}

describe('who may do what over TCP', () => {
  test('without tokens, this machine may do everything; with the first one, a token is asked for', async () => {
    await using server = await startTestDaemon();
    expect((await server.request('GET', '/info', { tcp: true })).status).toBe(200);
    const headers = await token(server, 'admin');
    const refused = await server.request('GET', '/info', { tcp: true });
    expect([refused.status, refused.headers['www-authenticate']]).toEqual([401, 'Bearer realm="slipwayd"']);
    expect((await server.request('GET', '/info', { tcp: true, headers })).status).toBe(200);
    expect((await server.request('GET', '/_ping', { tcp: true })).status).toBe(200);
    for (const { id } of await server.daemon.context.tokens.list()) await server.daemon.context.tokens.revoke(id);
    expect((await server.request('GET', '/info', { tcp: true, headers })).status).toBe(401);
    expect((await server.request('GET', '/info', { tcp: true })).status).toBe(401); // the door stays shut
    expect((await server.request('GET', '/info')).status).toBe(200); // the socket has its file's permissions
  });

  test.each([
    ['load', 'GET', '/images/json', 200],
    ['load', 'POST', '/images/x/y/push?tag=1', 403],
    ['load', 'DELETE', '/images/x', 403],
    ['load', 'POST', '/images/x/tag?repo=a/b', 404],
    ['push:ghcr.io/team/*', 'POST', '/images/ghcr.io/team/app/push?tag=1', 200],
    ['push:ghcr.io/team/*', 'POST', '/images/ghcr.io/other/app/push?tag=1', 403],
    ['push:ghcr.io/team/*', 'POST', '/images/team/app/push?tag=1', 403],
    ['push:ghcr.io/team/*', 'POST', '/images/load', 403],
    ['push:ghcr.io/team/*', 'GET', '/images/x/get', 403],
    ['push:ghcr.io/team/*', 'POST', '/images/x/tag?repo=ghcr.io/team/y', 404],
    ['push:ghcr.io/team/*', 'POST', '/images/x/tag?repo=busybox', 403],
    ['admin', 'DELETE', '/images/x', 404],
  ])('%s: %s %s answers %d', async (scope, method, path, status) => {
    await using server = await startTestDaemon();
    const headers = await token(server, scope);
    expect((await server.request(method, path, { tcp: true, headers })).status).toBe(status);
  });

  test('a request without permission leaves the audit line, and no other trace', async () => {
    await using server = await startTestDaemon();
    await using registry = await startRegistry();
    const archive = join(server.folder.path, 'a.tar');
    await writeDockerArchive(archive, [{ image: await randomImage(), references: ['a:b'] }]);
    const headers = await token(server, 'push:ghcr.io/team/*');
    const before = { images: await server.daemon.context.store.list(), files: await filesOf(server) };
    const target = `/images/${registry.host}/x/push?tag=v1`;
    expect((await server.request('POST', target, { tcp: true, headers })).status).toBe(403);
    expect((await server.request('POST', '/images/load', { tcp: true, body: 'not even looked at' })).status).toBe(401);
    expect({ images: await server.daemon.context.store.list(), files: await filesOf(server) }).toEqual(before);
    expect(registry.requests).toEqual([]);
    expect(server.daemon.context.events.past).toEqual([]);
    const remote = '127.0.0.1';
    expect(server.audits()).toEqual([
      expect.objectContaining({
        principal: 'token:push:ghcr.io/team/*',
        outcome: 'forbidden',
        subject: `POST /images/${registry.host}/x/push`,
        remote,
      }),
      expect.objectContaining({ principal: 'unknown', outcome: 'unauthorized', subject: 'POST /images/load', remote }),
    ]);
  });

  test('pages that a browser shows may not ask, whatever their site calls itself', async () => {
    await using server = await startTestDaemon();
    const ask = async (headers: Record<string, string>): Promise<number> =>
      (await server.request('GET', '/info', { tcp: true, headers })).status;
    expect(await ask({ host: 'evil.example' })).toBe(403);
    expect(await ask({ origin: 'http://evil.example' })).toBe(403);
    for (const site of ['cross-site', 'same-site', 'odd']) expect(await ask({ 'sec-fetch-site': site })).toBe(403);
    for (const site of ['same-origin', 'none']) expect(await ask({ 'sec-fetch-site': site })).toBe(200);
    const link = { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' };
    expect(await ask(link)).toBe(200); // of a chat to a job's page, say
    expect(await ask({ ...link, 'sec-fetch-dest': 'iframe' })).toBe(403);
    expect(await ask({ ...link, 'sec-fetch-mode': 'no-cors' })).toBe(403);
    const form = { tcp: true, headers: link };
    expect((await server.request('POST', '/images/demo/app/tag?repo=demo/other', form)).status).toBe(403);
    expect(await ask({ host: `localhost:${server.port}`, origin: `http://localhost:${server.port}` })).toBe(200);
  });

  test('a request that says twice where it goes, or who sends it, is refused', async () => {
    await using server = await startTestDaemon();
    const { text } = await server.daemon.context.tokens.create({ name: 'x', scopes: [parseScope('admin')] });
    const one = `Host: 127.0.0.1\r\nAuthorization: Bearer ${text}\r\n`;
    expect(await raw(server, `GET /info HTTP/1.1\r\n${one}Connection: close\r\n\r\n`, { tcp: true })).toMatch(
      /^HTTP\/1.1 200/,
    );
    for (const again of [
      'HOST: evil.example',
      'host: 127.0.0.1',
      `authorization: Bearer ${text}`,
      'Authorization: x',
    ]) {
      const answer = await raw(server, `GET /info HTTP/1.1\r\n${one}${again}\r\nConnection: close\r\n\r\n`, {
        tcp: true,
      });
      expect(answer).toMatch(/^HTTP\/1.1 400/);
      expect(answer).toContain('the request has more than one ');
    }
  });

  test('an address that others can reach is not opened without a guard', async () => {
    await expect(startTestDaemon({ hosts: ['tcp://0.0.0.0:0'] })).rejects.toMatchObject({
      code: 'ERR_SERVER_CONFIG',
      message: 'tcp://0.0.0.0:0 can be reached by others, and nothing guards it',
    });
  });

  test.skipIf(requireTool('openssl'))(
    'a client certificate may do what its rules say: nothing without one',
    async () => {
      const clients = {
        ops: { subject: '/O=acme/CN=ops', alternatives: 'email:ops@acme.example' },
        spiffe: { subject: '/O=SPIRE', alternatives: 'URI:spiffe://acme.example/ns/ci/sa/build' },
        claims: { subject: String.raw`/CN=DNS:ops, URI:spiffe:\/\/acme.example\/ns\/ci\/build` },
      };
      const [certificates, strangers] = [await testCertificates({ clients }), await testCertificates()];
      await using folder = await temporaryFolder();
      const at = (name: string): string => join(folder.path, name);
      for (const name of ['ca', 'cert', 'key'] as const) await writeFile(at(name), certificates[name]);
      await using server = await startTestDaemon({
        hosts: ['tcp://127.0.0.1:0'],
        tlsCert: at('cert'),
        tlsKey: at('key'),
        tlsCa: at('ca'),
        certificateRules: [
          { when: { cn: 'ops', email: '*@acme.example' }, scopes: ['admin'] },
          { when: { uri: 'spiffe://acme.example/ns/ci/**' }, scopes: ['load:ghcr.io/ci/**'] },
        ],
      });
      type Client = { readonly cert?: string; readonly key?: string; readonly headers?: Record<string, string> };
      const ask = async (client: Client, path = '/info'): Promise<number> => {
        const options = {
          host: '127.0.0.1',
          port: server.port,
          path,
          ca: certificates.ca,
          agent: false,
          ...client,
        };
        const request = secureRequest(options).end();
        const [response] = (await once(request, 'response')) as [import('node:http').IncomingMessage];
        response.resume();
        return response.statusCode ?? 0;
      };
      const { ops, spiffe, claims } = certificates.clients;
      expect([await ask({ ...ops }), await ask({ ...ops }, '/metrics')]).toEqual([200, 200]);
      expect([await ask({ ...spiffe }), await ask({ ...spiffe }, '/metrics')]).toEqual([200, 403]);
      expect([
        await ask({ ...claims }),
        await ask({ cert: certificates.clientCert, key: certificates.clientKey }),
      ]).toEqual([403, 403]);
      expect(server.audits().at(-1)).toMatchObject({
        principal: 'certificate:slipway test client',
        outcome: 'forbidden',
      });
      expect(server.audits().at(-2)).toMatchObject({ subject: 'GET /info', outcome: 'forbidden' });
      // Whoever shows a token is judged by it, and a browser shows its certificate to the requests of any page.
      expect(await ask({ ...ops, headers: { authorization: 'Bearer slipway_unknown' } })).toBe(401);
      for (const headers of [{ origin: 'https://evil.example' }, { 'sec-fetch-site': 'cross-site' }]) {
        expect(await ask({ ...ops, headers: { host: `127.0.0.1:${server.port}`, ...headers } })).toBe(403);
      }
      // Other rules count from the next request on.
      const { config } = server.daemon.context;
      await server.daemon.reload({ ...config, certificateRules: [{ when: { o: 'SPIRE' }, scopes: ['admin'] }] });
      expect([await ask({ ...ops }), await ask({ ...spiffe }, '/metrics')]).toEqual([403, 200]);
      expect(await ask({ cert: strangers.clientCert, key: strangers.clientKey })).toBe(401);
      expect(await ask({})).toBe(401);
    },
  );
});

test('the socket is for its owner and group alone', async () => {
  await using server = await startTestDaemon();
  expect((await stat(server.socket)).mode & 0o777).toBe(0o660);
});

test('a socket that a dead daemon left is taken over, that of a living one is not', async () => {
  await using server = await startTestDaemon();
  const hosts = [`unix://${server.socket}`];
  await expect(startTestDaemon({ hosts })).rejects.toMatchObject({ code: 'ERR_SERVER_LISTEN' });
  expect((await server.request('GET', '/_ping')).status).toBe(200);
});

test('what comes in too large, too many, or not at all is answered, and nothing is kept of it', async () => {
  await using server = await startTestDaemon({ maxLoadSize: 100_000, maxLoads: 1, idleTimeoutMs: 300 });
  const large = await server.request('POST', '/images/load', { body: new Uint8Array(200_000) });
  expect([large.status, large.body]).toEqual([200, expect.stringContaining('the body is larger than 100000 bytes')]);
  const stalled = await raw(server, 'POST /images/load HTTP/1.1\r\nHost: x\r\nContent-Length: 5000\r\n\r\nabc');
  expect(stalled).toContain('the body did not go on in time');
  expect(await filesOf(server)).toEqual(expect.not.arrayContaining([expect.stringMatching(/^spool\/./)]));
  expect(server.daemon.context.activity.running('load')).toBe(0);
});

test('two hundred hostile requests, and the daemon still serves', async () => {
  await using server = await startTestDaemon({ idleTimeoutMs: 400 });
  const random = seededRandom('hostile');
  const answers = await Promise.all(
    Array.from({ length: 200 }, (_, at) =>
      raw(
        server,
        hostileRequest(at, (below) => random.integer(below)),
      ),
    ),
  );
  // Every one has an end: an answer, or a closed connection; and none of them got what it was after.
  for (const answer of answers) {
    expect(answer).not.toMatch(/^HTTP\/1\.1 5(?!0[37])/);
    expect(answer).not.toContain('root:x:0:0');
  }
  expect((await server.request('GET', '/_ping')).body).toBe('OK');
  expect((await server.request('GET', '/images/json')).body).toBe('[]\n');
  expect((await server.request('GET', '/readyz')).status).toBe(200);
  expect(server.log.filter(({ level }) => Number(level) >= 50)).toEqual([]);
  await expect.poll(() => server.daemon.context.activity.running('load')).toBe(0);
  expect(await readdir(join(server.folder.path, 'data', 'spool'))).toEqual([]);
});

/** One of many ways to ask for trouble. */
function hostileRequest(at: number, integer: (below: number) => number): string {
  const names = [
    '../../etc/passwd',
    '..%2f..%2f..%2fetc%2fpasswd',
    '%2e%2e/%2e%2e/etc/passwd',
    '%00',
    'a%0d%0aSet-Cookie:x',
    '%ff%fe',
    '%zz',
    'A'.repeat(5_000),
    '/'.repeat(300),
    'a:b:c@sha256:0',
    '$(id)',
    '%F0%9F%92%A3',
    `sha256:${'0'.repeat(64)}`,
    '*',
    '__proto__',
    'constructor/json',
  ];
  const name = names[integer(names.length)];
  const post = (path: string, headers: string, body: string): string =>
    `POST ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n${headers}\r\n${body}`;
  switch (at % 14) {
    case 0:
      return `GET /images/${name}/json HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`;
    case 1:
      return post(`/images/${name}/push?tag=${name}`, 'X-Registry-Auth: %%%\r\nContent-Length: 0\r\n', '');
    case 2:
      return `DELETE /v1.5${integer(9)}/images/${name} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`;
    case 3:
      return post('/images/load', `Content-Length: ${10 ** integer(15)}\r\n`, 'half open');
    case 4:
      return post('/images/load', 'Transfer-Encoding: chunked\r\n', `${'f'.repeat(integer(20) + 1)}\r\nxx`);
    case 5:
      return post(
        '/images/load',
        'Transfer-Encoding: chunked\r\nContent-Length: 5\r\n',
        '0\r\n\r\nGET / HTTP/1.1\r\n\r\n',
      );
    case 6:
      return post('/auth', 'Content-Length: 70000\r\nContent-Type: application/json\r\n', `"${'x'.repeat(69_998)}"`);
    case 7:
      return post('/auth', 'Content-Length: 40\r\n', '{"serveraddress":"http://[::1"}        '.padEnd(40));
    case 8:
      return `GET /images/json?filters=${'%7B%22a%22:'.repeat(integer(40))} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`;
    case 9:
      return `GET /_ping HTTP/1.1\r\nX: ${'y'.repeat(100_000)}\r\n\r\n`;
    case 10:
      return `G\0T /${name} HTTP/9.9\r\n\r\n`;
    case 11:
      return `POST /images/${name}/tag?repo=${name}&tag=${name} HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nha`;
    case 12:
      return `GET /events?since=${name}&until=${name}&filters=[] HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`;
    default:
      return 'POST /images/load HTT'; // and nothing more
  }
}

/** Sends bytes and gives back whatever comes until the connection ends. */
async function raw({ socket, port }: TestDaemon, bytes: string, { tcp = false } = {}): Promise<string> {
  const connection = tcp ? connect(port, '127.0.0.1') : connect(socket);
  const chunks: Buffer[] = [];
  connection.on('data', (chunk) => chunks.push(chunk));
  connection.on('error', () => {}); // cut off while it sends: that is an end as well
  const closed = once(connection, 'close');
  connection.write(bytes, 'latin1');
  const inTime = await Promise.race([closed.then(() => true), wait(20_000, false, { ref: false })]);
  connection.destroy();
  if (!inTime) throw new Error(`no end after 20 s: ${JSON.stringify(bytes.slice(0, 80))}`);
  return Buffer.concat(chunks).toString('latin1');
}

async function filesOf({ folder }: TestDaemon): Promise<readonly string[]> {
  const data = join(folder.path, 'data');
  const files = (await pathsBelow(data)).map((path) => relative(data, path));
  return files.filter((name) => !/^(?:metadata|tokens\.json|jobs)/.test(name)).sort();
}
