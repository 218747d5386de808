import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';

export interface RefusingProxyOptions {
  /** Status line of the answer to `CONNECT`: `407 Proxy Authentication Required`. */
  readonly tunnel: string;
  /** Answers a request for an absolute address. @default it gets no answer */
  readonly onRequest?: RequestListener | undefined;
}

/** An HTTP proxy that lets nobody through. Leaving scope closes it, with every connection. */
export interface RefusingProxy extends AsyncDisposable {
  /** `127.0.0.1:41235`. */
  readonly host: string;
}

/** Starts a proxy on a free port of the loopback that refuses each tunnel. */
export async function refusingProxy({ tunnel, onRequest }: RefusingProxyOptions): Promise<RefusingProxy> {
  const tunnels = new Set<Duplex>();
  const server = createServer(onRequest);
  server.on('connect', (_, socket) => {
    tunnels.add(socket.once('close', () => tunnels.delete(socket)));
    socket.on('error', () => {}); // a client that leaves before it has read the answer is no news
    socket.end(`HTTP/1.1 ${tunnel}\r\ncontent-length: 0\r\n\r\n`);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    host: `127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      for (const socket of tunnels) socket.destroy();
      await closed;
    },
  };
}
