import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createSecureServer, type ServerOptions } from 'node:https';
import type { AddressInfo } from 'node:net';

/** What the server saw of one request. */
export interface SeenRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
  /** Complete once the script has read it. */
  body: Buffer;
}

/** Answers one request. `read` waits for the whole body. */
export type Script = (
  request: SeenRequest & { readonly raw: IncomingMessage; read(): Promise<Buffer> },
  response: ServerResponse,
) => void | Promise<void>;

export interface ScriptedServer extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  readonly seen: SeenRequest[];
  /** Connections accepted so far. */
  readonly connections: number;
}

/** A server that does as it is told: for answers that no sane registry gives. */
export async function startScriptedServer(script: Script, tls?: ServerOptions): Promise<ScriptedServer> {
  const seen: SeenRequest[] = [];
  let connections = 0;
  const onRequest = (raw: IncomingMessage, response: ServerResponse): void => {
    const request = {
      method: raw.method ?? '',
      url: raw.url ?? '',
      headers: raw.headers,
      body: Buffer.alloc(0),
      raw,
      async read() {
        const chunks: Buffer[] = [];
        for await (const chunk of raw) chunks.push(chunk);
        request.body = Buffer.concat(chunks);
        return request.body;
      },
    };
    seen.push(request);
    Promise.resolve(script(request, response)).catch(() => raw.socket.destroy());
  };
  const server: Server = tls === undefined ? createServer(onRequest) : createSecureServer(tls, onRequest);
  server.on('connection', () => {
    connections += 1;
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}`,
    port,
    seen,
    get connections() {
      return connections;
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

/** Answers `GET /v2/` with 200 and hands everything else on. */
export function afterPing(script: Script): Script {
  return (request, response) => {
    if (request.url === '/v2/') {
      response.writeHead(200, { 'docker-distribution-api-version': 'registry/2.0' }).end('{}');
      return;
    }
    return script(request, response);
  };
}
