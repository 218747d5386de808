import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { RegistryTlsOptions } from '../registry/options.ts';

/** A request as a legacy registry saw it, in the order of arrival. */
export interface LegacyRequest {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: Readonly<Record<string, string>>;
  /** The body, once it was read. */
  readonly body: Uint8Array;
}

/** An answer of a legacy registry. */
export interface LegacyAnswer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string | readonly string[]>> | undefined;
  /** Text is JSON already. */
  readonly body?: Uint8Array | string | undefined;
}

/**
 * What goes wrong instead of the usual answer: another answer, or a connection that breaks before one. Undefined:
 * nothing.
 */
export type LegacyRule = (
  request: LegacyRequest,
) => LegacyAnswer | 'drop' | undefined | Promise<LegacyAnswer | 'drop' | undefined>;

/** A registry of old, on the loopback, in memory. Leaving scope ends it. */
export interface LegacyRegistry extends AsyncDisposable {
  readonly host: string;
  /** With the scheme, without a slash at its end. */
  readonly url: string;
  readonly requests: readonly LegacyRequest[];
  /** Requests in flight at most at one moment. */
  readonly mostAtOnce: number;
  /** Asked before each answer, until it is replaced. */
  misbehave(rule: LegacyRule | undefined): void;
}

/** Serves `answer` on a free port. Bodies are read whole. */
export async function startLegacyServer(
  answer: (request: LegacyRequest, registry: LegacyRegistry) => LegacyAnswer | Promise<LegacyAnswer>,
  tls?: RegistryTlsOptions | undefined,
): Promise<LegacyRegistry> {
  const requests: LegacyRequest[] = [];
  let rule: LegacyRule | undefined;
  let atOnce = 0;
  let mostAtOnce = 0;
  const onRequest = (incoming: IncomingMessage, outgoing: ServerResponse): void => {
    atOnce += 1;
    mostAtOnce = Math.max(mostAtOnce, atOnce);
    serve(incoming, outgoing)
      .catch(() => outgoing.destroy())
      .finally(() => {
        atOnce -= 1;
      });
  };
  const server = tls ? createTlsServer({ cert: tls.cert, key: tls.key }, onRequest) : createServer(onRequest);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const host = `127.0.0.1:${port}`;
  const registry: LegacyRegistry = {
    host,
    url: `${tls ? 'https' : 'http'}://${host}`,
    requests,
    get mostAtOnce() {
      return mostAtOnce;
    },
    misbehave(next) {
      rule = next;
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return registry;

  async function serve(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const { pathname, searchParams } = new URL(incoming.url ?? '/', registry.url);
    const at = requests.length;
    const headers = Object.fromEntries(
      Object.entries(incoming.headers).map(([name, value]) => [name, [value].flat().join(', ')]),
    );
    const arrived = {
      method: incoming.method ?? '',
      path: pathname,
      query: searchParams,
      headers,
      body: new Uint8Array(0),
    };
    requests.push(arrived);
    const chunks: Uint8Array[] = [];
    for await (const chunk of incoming as AsyncIterable<Uint8Array>) chunks.push(chunk);
    const request = { ...arrived, body: new Uint8Array(Buffer.concat(chunks)) };
    requests[at] = request;
    const verdict = await rule?.(request);
    if (verdict === 'drop') {
      outgoing.destroy();
      return;
    }
    const { status, headers: extra = {}, body } = verdict ?? (await answer(request, registry));
    for (const [name, value] of Object.entries(extra)) outgoing.setHeader(name, value as string | string[]);
    if (typeof body === 'string') outgoing.setHeader('Content-Type', 'application/json');
    outgoing.statusCode = status;
    outgoing.end(request.method === 'HEAD' ? undefined : body);
  }
}
