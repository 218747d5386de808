import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';

/** One request, read to its end. */
export interface RawRequest {
  readonly method: string;
  readonly path: string;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

export interface RawServer extends AsyncDisposable {
  readonly url: string;
  readonly seen: RawRequest[];
  readonly connections: number;
}

/** A server below HTTP: it reads requests that have a Content-Length or no body, and `answer` writes what it likes. */
export async function startRawServer(answer: (request: RawRequest, socket: Socket) => void): Promise<RawServer> {
  const sockets = new Set<Socket>();
  const seen: RawRequest[] = [];
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    let held = Buffer.alloc(0);
    socket.on('data', (chunk) => {
      held = Buffer.concat([held, chunk]);
      for (;;) {
        const end = held.indexOf('\r\n\r\n');
        if (end < 0) return;
        const [line = '', ...fields] = held.subarray(0, end).toString('latin1').split('\r\n');
        const [method = '', path = ''] = line.split(' ');
        const headers = Object.fromEntries(
          fields.map((field) => [
            field.slice(0, field.indexOf(':')).toLowerCase(),
            field.slice(field.indexOf(':') + 1).trim(),
          ]),
        );
        const size = Number(headers['content-length'] ?? 0);
        if (held.length < end + 4 + size) return;
        const request = { method, path, headers, body: Buffer.from(held.subarray(end + 4, end + 4 + size)) };
        held = held.subarray(end + 4 + size);
        seen.push(request);
        answer(request, socket);
      }
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen,
    get connections() {
      return sockets.size;
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
