import { createReadStream } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Server } from 'node:net';
import type { SecureContextOptions } from 'node:tls';

export interface DaemonDouble extends AsyncDisposable {
  /** Address for `DOCKER_HOST`. */
  readonly host: string;
  /** Paths that were asked for, in order. */
  readonly paths: readonly string[];
}

export interface DaemonDoubleOptions {
  /** Archives by the name they are asked for. */
  readonly images?: Readonly<Record<string, string>> | undefined;
  /** Where to listen. @default a port of the loopback */
  readonly socket?: string | undefined;
  readonly tls?: (SecureContextOptions & { readonly requestCert?: boolean }) | undefined;
  /** Answers in place of the double. */
  readonly listener?: RequestListener | undefined;
}

/** The one part of the Engine API that a source needs: `GET /images/NAME/get`. */
export async function startDaemonDouble(options: DaemonDoubleOptions = {}): Promise<DaemonDouble> {
  const { images = {}, socket, tls, listener } = options;
  const paths: string[] = [];
  const answer: RequestListener = (request, response) => {
    paths.push(request.url ?? '');
    if (listener) return listener(request, response);
    const [, name = ''] = /^\/images\/(.+)\/get$/.exec(decodeURIComponent(request.url ?? '')) ?? [];
    const path = images[name];
    if (path === undefined) {
      response.writeHead(404, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ message: `No such image: ${name}` }));
      return;
    }
    response.writeHead(200, { 'content-type': 'application/x-tar' });
    createReadStream(path).pipe(response);
  };
  const server: Server = tls ? createTlsServer({ ...tls, rejectUnauthorized: true }, answer) : createServer(answer);
  await new Promise<void>((resolve) => {
    if (socket === undefined) server.listen(0, '127.0.0.1', resolve);
    else server.listen(socket, resolve);
  });
  const host = socket === undefined ? `tcp://127.0.0.1:${(server.address() as AddressInfo).port}` : `unix://${socket}`;
  return {
    host,
    paths,
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
      }),
  };
}
