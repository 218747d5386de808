import type { IncomingMessage, ServerResponse } from 'node:http';
import fastify, { type FastifyError, type FastifyRequest } from 'fastify';
import { registerEngineRoutes } from './docker/engine-routes.ts';
import { sendJSON } from './docker/stream/send-json.ts';
import { maxApiVersion, requestedVersion, withoutVersion } from './docker/system/api-version.ts';
import { answerToUnsupported } from './docker/system/unsupported.ts';
import type { EngineContext } from './engine/engine-context.ts';
import { RequestError } from './errors.ts';
import { answerError } from './http/answer-error.ts';
import { guardFolder } from './http/guard-folder.ts';
import { endConnection, letGo, stayOpen } from './http/let-go.ts';
import { createRequestShares } from './http/request-shares.ts';
import type { RegisterRoutes } from './http/routes.ts';
import { withoutPasswords } from './http/without-passwords.ts';
import type { ListenerGuard } from './listeners/listener-guard.ts';
import { registerOperationRoutes } from './operation/operation-routes.ts';
import { assertAllowed, assertHasRights, type Principal } from './security/principal.ts';
import { openStandingRights } from './security/standing-rights.ts';
import { createRequestTraces } from './tracing/trace-requests.ts';
import { version } from './version.ts';

/** What answers requests, whichever listener they come from. */
export interface RequestHandler extends AsyncDisposable {
  handle(request: IncomingMessage, response: ServerResponse, guard: ListenerGuard): void;
  /** Every route there is: `GET /images/json`. */
  readonly routes: readonly string[];
}

export interface RequestHandlerOptions {
  /** Routes beside those of the Engine API and of the operator. @default none */
  readonly further?: readonly RegisterRoutes<EngineContext>[] | undefined;
}

/** Builds the app: routes, who may use them, and how errors are told. */
export async function createRequestHandler(
  context: EngineContext,
  { further = [] }: RequestHandlerOptions = {},
): Promise<RequestHandler> {
  const guards = new WeakMap<IncomingMessage, ListenerGuard>();
  const traces = createRequestTraces(context.tracing);
  const standing = openStandingRights(context);
  const shares = createRequestShares(context.config);
  const app = fastify({
    exposeHeadRoutes: false,
    bodyLimit: Number.MAX_SAFE_INTEGER, // bodies reach the routes as streams, which limit them by themselves
    requestTimeout: 0,
    forceCloseConnections: false,
    genReqId: () => nextRequestId(),
    rewriteUrl: (request) => withoutVersion(request.url ?? '/'),
    routerOptions: { maxParamLength: 4_096, ignoreTrailingSlash: false },
    frameworkErrors: (error, _request, reply) => void answerError(reply, plainly(error), context.log),
  });
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', (_request, body, done) => done(null, body));
  app.decorateRequest('principal', null as unknown as Principal);
  app.decorateRequest('apiVersion', maxApiVersion);

  const routes: string[] = [];
  app.addHook('onRoute', (route) => {
    const { config, method, url } = route;
    routes.push(...[method].flat().map((each) => `${each} ${url}`));
    if (config?.access === undefined) throw new Error(`unreachable: ${String(method)} ${url} names no access`);
    if (config.needsFolder === true) route.handler = guardFolder(route.handler, context.folder);
  });
  app.addHook('onRequest', async (request, reply) => {
    for (const [name, value] of Object.entries(standingHeaders)) reply.raw.setHeader(name, value);
    reply.raw.setHeader('X-Request-Id', request.id);
    if (request.is404) return;
    traces.tell(request.raw, { id: request.id, route: request.routeOptions.url });
    const { access } = request.routeOptions.config;
    request.apiVersion = requestedVersion(request.originalUrl);
    if (access === 'open') return;
    const guard = guards.get(request.raw);
    if (guard === undefined) throw new Error('unreachable: every request has a listener');
    request.principal = await context.gatekeeper.authenticate(request.raw, guard);
    traces.tell(request.raw, { principal: request.principal.name });
    shares.take(request.principal.name, guard, reply.raw);
    if (context.activity.isClosing) {
      endConnection(reply.raw);
      if (!readingMethods.has(request.method)) throw new RequestError(503, 'the daemon is shutting down');
    }
    assertHasRights(request.principal);
    if (access !== 'handler') assertAllowed(request.principal, { kind: access ?? 'admin' });
    standing.watch({
      ...{ request: request.raw, response: reply.raw, guard, principal: request.principal },
      onLost: (status) => auditRefusal({ status }, request, context),
    });
  });
  app.addHook('onSend', async (_request, reply) => stayOpen(reply.raw));
  app.addHook('onResponse', async (request, reply) => {
    letGo(request.raw);
    const { method } = request;
    const status = reply.raw.statusCode;
    context.metrics.requests.inc({ method: knownMethods.has(method) ? method : 'other', status: String(status) });
    const line = { requestId: request.id, method, path: pathOf(request), status, principal: request.principal?.name };
    const traceId = traces.traceID(request.raw); // the end of an answer may be told outside of its trace
    context.log.debug({ ...line, durationMs: Math.round(reply.elapsedTime), traceId }, 'request');
  });
  app.setNotFoundHandler((request, reply) => {
    const { status, message } = answerToUnsupported(request.method, request.url);
    const isOwn = request.url.startsWith('/slipway/');
    return sendJSON(reply, isOwn ? { message, code: new RequestError(status, message).code } : { message }, status);
  });
  app.setErrorHandler((error, request, reply) => {
    auditRefusal(error, request, context);
    return answerError(reply, error, context.log);
  });

  registerOperationRoutes(app, context);
  registerEngineRoutes(app, context);
  for (const register of further) register(app, context);
  await app.ready();
  return {
    routes,
    handle(request, response, guard) {
      guards.set(request, guard);
      traces.run(request, response, () => app.routing(request, response));
    },
    async [Symbol.asyncDispose]() {
      standing[Symbol.dispose]();
      await app.close();
    },
  };
}

/** The framework quotes a path that it cannot read, which looks like one of this machine. */
function plainly(error: FastifyError): Error {
  return error.code === 'FST_ERR_BAD_URL' ? new RequestError(400, 'the path of the request is no URL') : error;
}

const standingHeaders = {
  'Api-Version': maxApiVersion,
  'Docker-Experimental': 'false',
  Ostype: 'linux',
  Server: `Docker/${version} (linux)`,
} as const;

/** What a daemon that shuts down still answers. */
const readingMethods: ReadonlySet<string> = new Set(['GET', 'HEAD']);
const knownMethods: ReadonlySet<string> = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE']);

let requests = 0;

/** Short, and not the client's to choose. */
function nextRequestId(): string {
  requests += 1;
  return `${process.pid.toString(36)}-${requests.toString(36)}`;
}

function pathOf({ url }: Pick<FastifyRequest, 'url'>): string {
  return withoutPasswords(url.split('?', 1)[0] ?? '').slice(0, 512);
}

/** A refused request leaves this line, and nothing else. */
function auditRefusal(error: unknown, request: FastifyRequest, { audit }: EngineContext): void {
  const { status } = error as { readonly status?: unknown };
  if (status !== 401 && status !== 403) return;
  audit.write({
    action: 'request',
    principal: request.principal?.name ?? 'unknown',
    outcome: status === 401 ? 'unauthorized' : 'forbidden',
    subject: `${request.method} ${pathOf(request)}`,
    remote: request.raw.socket.remoteAddress,
    requestId: request.id,
  });
}
