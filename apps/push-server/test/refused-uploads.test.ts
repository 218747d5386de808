import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { parseScope } from '../src/security/scope.ts';
import { startTestDaemon, type TestDaemon } from './daemon-fixture.ts';

const chunk = Buffer.alloc(64 * 1024, 'a');
const chunks = 64;

/** Sends all of a body before it looks at the answer, as many clients do; rejects where it cannot. */
async function sendAll(server: TestDaemon, path: string, headers: Readonly<Record<string, string>>): Promise<string> {
  const socket = connect(server.port, '127.0.0.1');
  const isChunked = headers['content-length'] === undefined;
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  const framing = isChunked ? 'transfer-encoding: chunked\r\n' : '';
  socket.write(`POST ${path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n${framing}${lines.join('')}\r\n`);
  for (let at = 0; at < chunks; at += 1) {
    if (isChunked) socket.write(`${chunk.byteLength.toString(16)}\r\n`);
    await new Promise<void>((resolve, reject) => {
      socket.write(chunk, (error) => (error == null ? resolve() : reject(error)));
    });
    if (isChunked) socket.write('\r\n');
    await delay(5);
  }
  if (isChunked) socket.write('0\r\n\r\n');
  return await text(socket);
}

const length = { 'content-length': String(chunk.byteLength * chunks) };

test.each<[string, string, Readonly<Record<string, string>>, number]>([
  ['a load without a right', '/images/load', {}, 403],
  ['the same with a length', '/images/load', length, 403],
  ['an archive without a right', '/slipway/v1/jobs/archive?destination=r.example/b/x:1', length, 403],
  ['a route that is none', '/no/such/route', {}, 404],
])('who sends all of %s before it reads gets to the answer', async (_name, path, headers, status) => {
  await using server = await startTestDaemon();
  const scopes = [parseScope('push:r.example/a/**')];
  const { text: token } = await server.daemon.context.tokens.create({ name: 'a', scopes, expiresInMs: undefined });
  const type = { 'content-type': 'application/x-tar' };
  const answer = await sendAll(server, path, { ...headers, ...type, authorization: `Bearer ${token}` });
  expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
  if (status === 403) expect(await sendAll(server, path, { ...headers, ...type })).toMatch(/^HTTP\/1.1 401 /);
});

test.each([
  ['/images/load', {}],
  ['/images/load', length],
  ['/slipway/v1/jobs/archive?destination=r.example/b/x:1', {}],
])('so does whoever sends too much: %s %j', async (path, headers) => {
  await using server = await startTestDaemon({ maxLoadSize: 100_000 });
  const answer = await sendAll(server, path, { ...headers, 'content-type': 'application/x-tar' });
  expect(answer).toContain('the body is larger than 100000 bytes');
});

test('a body that never ends is read for a moment, and no longer', async () => {
  await using server = await startTestDaemon();
  const socket = connect(server.port, '127.0.0.1');
  socket.write('POST /no/such/route HTTP/1.1\r\nhost: localhost\r\ncontent-length: 10\r\n\r\n12345');
  expect(await text(socket)).toMatch(/^HTTP\/1.1 404 /); // it ends
});
