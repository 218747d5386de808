import { once } from 'node:events';
import { createServer, request as httpRequest, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { readBody } from './request-body.ts';

/** What reading a body comes to whose client sends one byte each few milliseconds, without end. */
async function trickled(idleTimeoutMs: number): Promise<unknown> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const client = httpRequest({ host: '127.0.0.1', port, method: 'POST' });
  client.on('error', () => {});
  client.write('x');
  const timer = setInterval(() => client.write('x'), 5);
  try {
    const [request] = (await once(server, 'request')) as [IncomingMessage];
    for await (const _chunk of readBody(request, { maxBytes: 0, idleTimeoutMs }));
    return 'read to its end';
  } catch (error) {
    return error;
  } finally {
    clearInterval(timer);
    client.destroy();
    server.close();
    server.closeAllConnections();
  }
}

test('a body that only trickles is not waited for, although it never stands still', async () => {
  expect(await trickled(2_000)).toMatchObject({ status: 408, message: 'the body comes too slowly' });
});

test('without a limit, a body that comes in parts is read to its end', async () => {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const client = httpRequest({ host: '127.0.0.1', port, method: 'POST' });
  client.on('error', () => {});
  client.write('one');
  try {
    const [request] = (await once(server, 'request')) as [IncomingMessage];
    const read: string[] = [];
    for await (const chunk of readBody(request, { maxBytes: 0, idleTimeoutMs: 0 })) {
      read.push(String(Buffer.from(chunk)));
      // A timer of no time would have rung in the turn that is waited for here.
      setTimeout(() => setImmediate(() => setImmediate(() => client.end('two'))), 1);
    }
    expect(read).toEqual(['one', 'two']);
  } finally {
    client.destroy();
    server.close();
    server.closeAllConnections();
  }
});
