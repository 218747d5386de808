import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse, request as sendRequest } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface CuttingProxyOptions {
  /** Host and port to pass everything on to: `registry.host`. */
  readonly target: string;
  /** Bytes of a request's body that pass; a longer one is cut off there, connection and all. */
  readonly bodyBytes: number;
}

/** What came of one request with a body. */
export interface CarriedRequest {
  readonly method: string;
  readonly path: string;
  /** Bytes of the body that came. */
  readonly bytes: number;
  readonly isCut: boolean;
}

/** An HTTP proxy with a limit that it tells nobody. Leaving scope closes it, with every connection. */
export interface CuttingProxy extends AsyncDisposable {
  /** `127.0.0.1:41235`. */
  readonly host: string;
  /** Requests with a body so far, in the order of their end. */
  readonly carried: readonly CarriedRequest[];
}

/** Starts a proxy on a free port of the loopback that ends every connection whose request has too long a body. */
export async function cuttingProxy({ target, bodyBytes }: CuttingProxyOptions): Promise<CuttingProxy> {
  const [, hostname = '', port = ''] = /^(.+):(\d+)$/.exec(target) ?? [];
  if (port === '') throw new TypeError(`Expected \`target\` to be host:port, got ${JSON.stringify(target)}`);
  const carried: CarriedRequest[] = [];

  const server = createServer((incoming, outgoing) => void carry(incoming, outgoing).catch(() => incoming.destroy()));

  async function carry(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const { method = '', url: path = '', headers } = incoming;
    const upstream = sendRequest({ hostname, port, method, path, headers });
    const answered = once(upstream, 'response') as Promise<[IncomingMessage]>;
    answered.catch(() => {}); // told below, unless the request is cut off first
    outgoing.once('close', () => upstream.destroy());
    let bytes = 0;
    for await (const chunk of incoming as AsyncIterable<Uint8Array>) {
      bytes += chunk.byteLength;
      if (bytes > bodyBytes) {
        carried.push({ method, path, bytes, isCut: true });
        upstream.destroy();
        incoming.socket.resetAndDestroy();
        return;
      }
      if (!upstream.write(chunk)) await once(upstream, 'drain');
    }
    if (bytes > 0) carried.push({ method, path, bytes, isCut: false });
    upstream.end();
    const [answer] = await answered;
    outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
    for await (const chunk of answer) if (!outgoing.write(chunk)) await once(outgoing, 'drain');
    outgoing.end();
  }

  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address() as AddressInfo;

  return {
    host: `127.0.0.1:${address.port}`,
    carried,
    async [Symbol.asyncDispose]() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}
