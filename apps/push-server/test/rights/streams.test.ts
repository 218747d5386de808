import { request as httpRequest, type IncomingMessage } from 'node:http';
import { expect, test, vi } from 'vitest';
import { startTestDaemon, type TestDaemon } from '../daemon-fixture.ts';

interface Stream extends Disposable {
  readonly status: number;
}

/** A request that stays, on a connection of its own. */
async function stream(server: TestDaemon, path: string, token: string): Promise<Stream> {
  const headers = { authorization: `Bearer ${token}` };
  const request = httpRequest({ host: '127.0.0.1', port: server.port, path, headers, agent: false });
  request.on('error', () => {});
  const response = await new Promise<IncomingMessage>((resolve) => {
    request.on('response', resolve).end();
  });
  response.on('error', () => {}).resume();
  return { status: response.statusCode ?? 0, [Symbol.dispose]: () => request.destroy() };
}

test('streams of one client leave connections to others, and those of all of them to health checks', async () => {
  await using server = await startTestDaemon({ maxConnections: 16 });
  const made = ['a', 'b'].map(async (name) => {
    const scopes = [{ kind: 'read' } as const];
    return (await server.daemon.context.tokens.create({ name, scopes, expiresInMs: undefined })).text;
  });
  const [a = '', b = ''] = await Promise.all(made);
  const ask = (path: string, token: string) =>
    server.request('GET', path, { tcp: true, headers: { authorization: `Bearer ${token}` } });
  const open: Stream[] = [];
  for (let at = 0; at < 16; at += 1) {
    open.push(await stream(server, at % 2 === 0 ? '/events' : '/slipway/v1/status/events', a));
  }
  expect(open.map(({ status }) => status)).toEqual([...Array(12).fill(200), ...Array(4).fill(503)]);
  expect(await ask('/images/json', a)).toMatchObject({ status: 503, body: expect.stringContaining('of one client') });
  expect((await ask('/images/json', b)).status).toBe(200);
  for (let at = 0; at < 3; at += 1) open.push(await stream(server, '/events', b));
  expect((await ask('/images/json', b)).body).toContain('too many requests at once');
  expect((await server.request('GET', '/healthz', { tcp: true })).body).toBe('ok\n');
  expect((await server.request('GET', '/images/json')).status).toBe(200); // another listener
  for (const each of open) each[Symbol.dispose]();
  await vi.waitFor(async () => expect((await ask('/images/json', a)).status).toBe(200));
});
