import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import { type RefusingProxy, refusingProxy } from '../src/index.ts';

const ask = 'CONNECT registry.example:443 HTTP/1.1\r\nhost: registry.example:443\r\n\r\n';

async function connected({ host }: RefusingProxy): Promise<Socket> {
  const socket = connect(Number(host.split(':')[1]), '127.0.0.1');
  await once(socket, 'connect');
  return socket;
}

test('a refused tunnel is told its status, also after clients that did not wait for theirs', async () => {
  await using proxy = await refusingProxy({ tunnel: '407 Proxy Authentication Required' });
  for (let left = 0; left < 20; left += 1) {
    const socket = await connected(proxy);
    socket.write(ask, () => socket.resetAndDestroy());
    await once(socket, 'close');
  }
  const socket = await connected(proxy);
  expect(await text(socket.end(ask))).toBe('HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n');
});

test('leaving scope ends a tunnel whose client keeps it open', async () => {
  const proxy = await refusingProxy({ tunnel: '503 Service Unavailable' });
  const socket = await connected(proxy);
  socket.write(ask);
  await once(socket, 'data');
  const closed = once(socket, 'close');
  await proxy[Symbol.asyncDispose]();
  socket.end();
  await closed;
});
