import { type IncomingMessage, METHODS, type ServerResponse } from 'node:http';
import type { TLSSocket } from 'node:tls';
import { createTracer, parseTraceContext, type TracedSpan } from '@slipway/tracing';
import { withoutVersion } from '../docker/system/api-version.ts';
import type { Tracing } from './open-tracing.ts';

/** Makes a span of each request that somebody makes on purpose. */
export interface RequestTraces {
  /** Handles a request in a span, which ends with its answer. */
  run(request: IncomingMessage, response: ServerResponse, handle: () => void): void;
  /** Says what is known once the request is understood. */
  tell(request: IncomingMessage, about: RequestKnowledge): void;
  /** The trace that a request belongs to, for the log. */
  traceID(request: IncomingMessage): string | undefined;
}

export interface RequestKnowledge {
  readonly id?: string | undefined;
  /** The route as it was registered: `/images/*`. */
  readonly route?: string | undefined;
  readonly principal?: string | undefined;
}

/** Asked all the time, by machines and by the status page. */
const restless =
  /^\/(?:healthz|readyz|metrics|_ping|slipway\/v1\/status(?:\/events)?|slipway\/?(?:[\w-]+\.(?:js|css))?)?$/;
const maxChars = 512;

const tracer = createTracer('@slipway/server');

/** @see https://opentelemetry.io/docs/specs/semconv/http/http-spans/#http-server-span */
export function createRequestTraces({ isOn, takesParents }: Tracing): RequestTraces {
  if (!isOn) return { run: (_request, _response, handle) => handle(), tell() {}, traceID: () => undefined };
  const spans = new WeakMap<IncomingMessage, TracedSpan>();
  return {
    run(request, response, handle) {
      const { headers, socket, method = '' } = request;
      const path = (request.url ?? '/').split('?', 1)[0]?.slice(0, maxChars) ?? '/';
      if (restless.test(withoutVersion(path))) return handle();
      const span = tracer.begin(nameOf(method), {
        kind: 'server',
        parent: (takesParents ? parseTraceContext(headers) : undefined) ?? 'none',
        attributes: {
          'http.request.method': nameOf(method),
          'url.path': path,
          'url.scheme': (socket as Partial<TLSSocket>).encrypted === true ? 'https' : 'http',
          'client.address': socket.remoteAddress,
          'user_agent.original': headers['user-agent']?.slice(0, maxChars),
        },
      });
      spans.set(request, span);
      response.once('close', () => {
        const { statusCode, headersSent, writableFinished } = response;
        if (headersSent) span.set({ 'http.response.status_code': statusCode });
        if (headersSent && statusCode >= 500) span.fail(String(statusCode));
        if (!writableFinished) span.event('the client left');
        span.end();
      });
      return span.run(handle);
    },
    tell(request, { id, route, principal }) {
      const span = spans.get(request);
      span?.set({ 'slipway.request_id': id, 'http.route': route, 'slipway.principal': principal });
      if (route !== undefined) span?.rename(`${nameOf(request.method ?? '')} ${route}`);
    },
    traceID: (request) => spans.get(request)?.traceID,
  };
}

/** Clients choose methods: what is none is not taken for a name. */
function nameOf(method: string): string {
  return METHODS.includes(method) ? method : '_OTHER';
}
