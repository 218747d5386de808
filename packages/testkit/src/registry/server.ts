import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerOptions, type ServerResponse } from 'node:http';
import { createServer as createTlsServer, type ServerOptions as SecureOptions } from 'node:https';
import type { AddressInfo } from 'node:net';
import { deleteBlob, getBlob } from './answers/blobs.ts';
import { listRepositories, listTags } from './answers/listings.ts';
import { deleteManifest, getManifest, listReferrers, putManifest } from './answers/manifests.ts';
import { Refusal } from './answers/refusal.ts';
import { deleteUpload, getUpload, patchUpload, putUpload, startUpload } from './answers/uploads.ts';
import type { Gate } from './auth.ts';
import type { RegistryCore } from './core.ts';
import { Exchange } from './exchange.ts';
import type { MisbehaviourRules } from './misbehaviour.ts';
import type { RegistryTlsOptions } from './options.ts';
import type { RequestRecord } from './request-record.ts';
import { isRepositoryName, type RequestKind, routeOf } from './route.ts';

export interface ServerParts {
  readonly core: RegistryCore;
  readonly gate: Gate;
  readonly rules: MisbehaviourRules;
  readonly requests: RequestRecord[];
  /** Whether a repository may be written to and read from. */
  readonly isAllowed: (repository: string) => boolean;
}

/** The HTTP face of a registry. */
export interface RegistryServer {
  readonly address: AddressInfo;
  listen(host: string, port: number): Promise<void>;
  settled(): Promise<void>;
  /** Ends at once: open connections are cut. */
  close(): Promise<void>;
}

type Handler = (core: RegistryCore, exchange: Exchange) => Promise<void>;

const handlers: Partial<Record<RequestKind, Handler>> = {
  ping: (_, exchange) => exchange.answer(200, { 'Content-Type': 'application/json' }, new TextEncoder().encode('{}')),
  'blob-head': getBlob,
  'blob-get': getBlob,
  'blob-delete': deleteBlob,
  mount: startUpload,
  'upload-start': startUpload,
  'upload-patch': patchUpload,
  'upload-put': putUpload,
  'upload-status': getUpload,
  'upload-delete': deleteUpload,
  'manifest-head': getManifest,
  'manifest-get': getManifest,
  'manifest-put': putManifest,
  'manifest-delete': deleteManifest,
  tags: listTags,
  referrers: listReferrers,
  catalog: listRepositories,
};

/** Makes the server; it does not listen yet. */
export function createRegistryServer(parts: ServerParts, tls: RegistryTlsOptions | undefined): RegistryServer {
  const atWork = new Set<Promise<void>>();
  const exchanges = new Set<Exchange>();
  const controllers = new Set<AbortController>();
  // Uploads may take any time, and some registries' Locations are far longer than Node expects.
  const options: ServerOptions = { requestTimeout: 0, headersTimeout: 0, maxHeaderSize: 128 * 1024 };
  const onRequest = (request: IncomingMessage, response: ServerResponse): void => {
    const controller = new AbortController();
    controllers.add(controller);
    response.once('close', () => controller.abort());
    const exchange = exchangeOf(parts, request, response, controller.signal);
    exchanges.add(exchange);
    const work = serve(parts, exchange, response).finally(() => {
      controllers.delete(controller);
      exchanges.delete(exchange);
      atWork.delete(work);
    });
    atWork.add(work);
  };
  const server = tls
    ? createTlsServer({ ...options, ...secureOptions(tls) }, onRequest)
    : createServer(options, onRequest);

  return {
    get address() {
      return server.address() as AddressInfo;
    },
    async listen(host, port) {
      server.listen(port, host);
      await once(server, 'listening');
    },
    async settled() {
      for (const exchange of exchanges) exchange.notice();
      while (atWork.size > 0) await Promise.all(atWork);
    },
    async close() {
      for (const controller of controllers) controller.abort();
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
      await Promise.all(atWork);
    },
  };
}

/** The authority is for client certificates alone: with it, Node would send it along with the server's own. */
function secureOptions({ cert, key, ca, requestClientCert }: RegistryTlsOptions): SecureOptions {
  return requestClientCert ? { cert, key, requestCert: true, ...(ca && { ca }) } : { cert, key };
}

/** A request that has come, and what is done wrong with it. */
function exchangeOf(
  parts: ServerParts,
  request: IncomingMessage,
  response: ServerResponse,
  signal: AbortSignal,
): Exchange {
  request.on('error', () => {}); // a client that leaves is no news: whoever reads the body hears of it
  const scheme = 'encrypted' in request.socket ? 'https' : 'http';
  const url = URL.canParse(request.url ?? '', `${scheme}://${request.headers.host ?? '127.0.0.1'}`)
    ? new URL(request.url ?? '', `${scheme}://${request.headers.host ?? '127.0.0.1'}`)
    : new URL('http://invalid/');
  const method = request.method ?? 'GET';
  const route = routeOf(method, url);
  const exchange = new Exchange(
    request,
    response,
    url,
    route,
    parts.rules.apply(method, url, route),
    parts.core.options.quirks.wire,
    signal,
  );
  parts.requests.push(exchange.record);
  response.setHeader('Docker-Distribution-Api-Version', 'registry/2.0');
  return exchange;
}

/** Serves one request. Never rejects: whatever goes wrong ends in an answer, or in the end of the connection. */
async function serve(parts: ServerParts, exchange: Exchange, response: ServerResponse): Promise<void> {
  try {
    if (await exchange.interfere()) return;
    await dispatch(parts, exchange);
  } catch (error) {
    await answerFailure(exchange, response, error).catch(() => response.destroy());
  }
}

async function dispatch({ core, gate, isAllowed }: ServerParts, exchange: Exchange): Promise<void> {
  const { kind, repository } = exchange.route;
  if (kind === 'token' && gate.tokens) return await gate.tokens.answer(exchange);
  gate.check(exchange);
  const handler = handlers[kind];
  if (handler === undefined) throw new Refusal('UNSUPPORTED', { status: kind === 'other' && repository ? 405 : 404 });
  if (repository !== '') {
    if (!isRepositoryName(repository)) throw new Refusal('NAME_INVALID', { detail: { name: repository } });
    if (!isAllowed(repository)) throw new Refusal('NAME_UNKNOWN', { detail: { name: repository } });
  }
  await handler(core, exchange);
}

async function answerFailure(exchange: Exchange, response: ServerResponse, error: unknown): Promise<void> {
  if (response.headersSent || exchange.isGone) response.destroy();
  else if (error instanceof Refusal) await exchange.refuse(error);
  else await exchange.refuse(new Refusal('UNKNOWN', { message: String(error) }));
}
