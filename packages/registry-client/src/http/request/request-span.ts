import { createTracer, traceHeaders } from '@slipway/tracing';
import { RegistryError } from '../../errors.ts';
import { redactURL } from '../redirect/redact-url.ts';

const tracer = createTracer('@slipway/registry-client');

/** One request in a trace. */
export interface RequestSpan {
  /** What tells the registry of the trace; nothing for anybody else. */
  readonly headers: Readonly<Record<string, string>>;
  run<T>(work: () => T): T;
  /** The answer came, and has been read or let go. */
  answered(status: number, sentBytes: number, receivedBytes: number): void;
  /** There is no answer. */
  failed(error: unknown): void;
}

/** What a span tells of its request. */
export interface TracedRequest {
  readonly method: string;
  readonly url: URL;
  /** Statuses that are no failures. @default none but those below 400 */
  readonly expect?: readonly number[] | undefined;
}

export interface RequestSpanOptions {
  /** The address of the registry that was asked for. */
  readonly registry: URL;
  /** How often this request has been sent before. */
  readonly resends: number;
}

/**
 * Begins the span of a request, by the conventions for HTTP clients. No query is in it: queries hold states of uploads
 * and signatures of storages.
 *
 * @see https://opentelemetry.io/docs/specs/semconv/http/http-spans/#http-client-span
 */
export function beginRequestSpan(
  { method, url, expect = [] }: TracedRequest,
  { registry, resends }: RequestSpanOptions,
): RequestSpan {
  const span = tracer.begin(method, {
    kind: 'client',
    attributes: {
      'http.request.method': method,
      'server.address': url.hostname,
      'server.port': Number(url.port) || (url.protocol === 'https:' ? 443 : 80),
      'url.full': redactURL(url),
      'http.request.resend_count': resends === 0 ? undefined : resends,
    },
  });
  return {
    headers: isOwn(url, registry) ? span.run(traceHeaders) : {},
    run: span.run,
    answered(status, sentBytes, receivedBytes) {
      span.set({
        'http.response.status_code': status,
        'http.request.body.size': sentBytes,
        'http.response.body.size': receivedBytes,
      });
      // That something is not there is an answer: whoever needs it fails by itself.
      const isAnswer = status === 404 && (method === 'GET' || method === 'HEAD');
      if (status >= 400 && !isAnswer && !expect.includes(status)) span.fail(String(status));
      span.end();
    },
    failed(error) {
      if (error instanceof RegistryError) span.set({ 'slipway.error.reason': error.reason });
      span.fail(error);
      span.end();
    },
  };
}

/**
 * Whether a request goes to the registry that was asked for. Storages, token servers and mirrors elsewhere have no part
 * in the caller's trace, and some refuse requests with headers that were not signed.
 */
function isOwn(url: URL, registry: URL): boolean {
  if (url.origin === registry.origin) return true;
  return url.hostname === registry.hostname && registry.protocol === 'http:' && url.protocol === 'https:';
}
