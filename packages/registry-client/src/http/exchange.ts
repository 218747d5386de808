import type { Readable } from 'node:stream';
import { assertSignal } from '@slipway/arguments';
import type { Dispatcher } from 'undici/index.js';
import { RegistryError } from '../errors.ts';
import type { RequestRecord } from '../options.ts';
import { Answer, type AnswerEnd } from './answer/answer.ts';
import { type FailedRequest, networkError, timeoutError } from './answer/network-error.ts';
import { proxyOf } from './connection/proxy-aware.ts';
import { redactURL } from './redirect/redact-url.ts';
import { OutgoingBody } from './request/outgoing-body.ts';
import type { RequestBody } from './request/request-body.ts';
import { beginRequestSpan, type RequestSpan } from './request/request-span.ts';

export type Method = 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/** One request, sent once: no redirect, no authentication, no second try. */
export interface ExchangeRequest {
  readonly method: Method;
  readonly url: URL;
  /** Where the request was sent before it was redirected to `url`. @default `url` */
  readonly asked?: URL | undefined;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: RequestBody | undefined;
  /**
   * What the body carries, must not come back in a message, and goes to no other origin. Of headers, `Authorization`
   * and `Cookie` are known to be secret.
   */
  readonly bodySecrets?: readonly string[] | undefined;
  /** Told the bytes the socket has taken of this body. */
  readonly onTaken?: ((sent: number) => void) | undefined;
  /** Told when everything was sent and only the answer is waited for. */
  readonly onBodySent?: (() => void) | undefined;
  /** Until the answer begins, once the request is sent. */
  readonly answerTimeoutMs: number;
  /** Without a byte moving while either body is on its way. */
  readonly idleTimeoutMs: number;
  /** Statuses that are no failures to whoever asks. @default none but those below 400 */
  readonly expect?: readonly number[] | undefined;
  /** Shown each answer before it is read, redirects among them. */
  readonly onAnswer?: ((answer: Answer) => void) | undefined;
  /** How often this request was sent before, wherever to. @default 0 */
  readonly resends?: number | undefined;
  /** Closes the connection after the answer. @default false */
  readonly closes?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What all exchanges have in common. */
export interface ExchangeContext {
  readonly dispatcher: Dispatcher;
  /** The address of the registry that was asked for. */
  readonly registry: URL;
  readonly onRequest: (record: RequestRecord) => void;
}

/**
 * Sends a request and waits for the head of its answer.
 *
 * @throws the reason of `signal`, unwrapped, once it aborts; what the body's source threw, unwrapped.
 * @throws {RegistryError} `ERR_REGISTRY_UNREACHABLE`, `ERR_REGISTRY_PROTOCOL`
 */
export async function exchange(context: ExchangeContext, request: ExchangeRequest): Promise<Answer> {
  const { registry } = context;
  assertSignal(request.signal);
  request.signal?.throwIfAborted();
  const span = beginRequestSpan(request, { registry, resends: request.resends ?? 0 });
  try {
    const answer = await span.run(() => send(context, request, span));
    if (!answer.isAfterBody && answer.status >= 200 && answer.status < 300) throw await tooEarly(answer);
    return answer;
  } catch (error) {
    span.failed(error);
    throw error;
  }
}

async function send(context: ExchangeContext, request: ExchangeRequest, span: RequestSpan): Promise<Answer> {
  const { method, url, signal, answerTimeoutMs, idleTimeoutMs } = request;
  const failed = { method, url, proxy: proxyOf(context.dispatcher, url) };
  const controller = new AbortController();
  const sending = new AbortController();
  const abort = (reason: unknown): void => {
    sending.abort(reason);
    controller.abort(reason);
  };
  const forward = (): void => abort(signal?.reason);
  signal?.addEventListener('abort', forward, { once: true });
  const startedAt = performance.now();
  const watch = new Watch(abort);
  const body = request.body && outgoing(request, request.body, failed, watch, sending.signal);

  let isEnded = false;
  const end = (status: number | undefined, { receivedBytes, isWhole }: AnswerEnd): void => {
    if (isEnded) return;
    isEnded = true;
    watch.end();
    signal?.removeEventListener('abort', forward);
    body?.stop();
    // Sources that wait on something else than their consumer are told by signal. What has been answered to the end is
    // left to end by itself: an abort would destroy a stream that is done, with an error and its stack.
    const ended = new Error('The request has ended');
    sending.abort(ended);
    if (!isWhole) controller.abort(ended);
    const durationMs = performance.now() - startedAt;
    const sentBytes = body?.sent ?? 0;
    if (status !== undefined) span.answered(status, sentBytes, receivedBytes);
    context.onRequest({ method, url: redactURL(url), status, sentBytes, receivedBytes, durationMs });
  };

  try {
    if (body === undefined) request.onBodySent?.();
    const response = await context.dispatcher.request({
      origin: url.origin,
      path: `${url.pathname}${url.search}`,
      method,
      headers: { ...span.headers, ...headersOf(request) },
      // Undici takes any async iterable and reads it no faster than the socket; its types know only of streams.
      body: (body ?? null) as Readable | null,
      signal: controller.signal,
      // Bodies have a watch of their own, which knows who is being waited for.
      headersTimeout: body === undefined ? answerTimeoutMs : 0,
      bodyTimeout: idleTimeoutMs,
      reset: request.closes ?? false, // undici closes the connection after each HEAD otherwise
    });
    watch.stop();
    return new Answer(response, {
      method,
      url,
      asked: request.asked ?? url,
      abort,
      signal,
      proxy: failed.proxy,
      secrets: [...(request.bodySecrets ?? []), ...secretsOf(request.headers)],
      onEnd: (how) => end(response.statusCode, how),
      hasWholeBody: () => body === undefined || body.isHandedOver,
    });
  } catch (error) {
    const reason: unknown = controller.signal.aborted ? controller.signal.reason : undefined;
    end(undefined, { receivedBytes: 0, isWhole: false });
    if (signal?.aborted) throw signal.reason;
    if (reason !== undefined) throw reason;
    if (body?.sourceError !== undefined) throw body.sourceError;
    if (error instanceof RegistryError) throw error; // a name that may not be connected to
    if (isTimeout(error)) throw timeoutError(failed, 'no answer came', answerTimeoutMs);
    throw networkError(failed, error);
  }

  function isTimeout(error: unknown): boolean {
    return error instanceof Error && 'code' in error && error.code === 'UND_ERR_HEADERS_TIMEOUT';
  }
}

/**
 * A refusal or a redirect may come before the whole content was sent. Whoever says then that it was taken has not read
 * it: at best it had that content already (decision 0311).
 */
async function tooEarly(answer: Answer): Promise<RegistryError> {
  const { method, url, status, proxy } = answer;
  await answer.discard();
  return new RegistryError(`${method} ${redactURL(url)} answered ${status} before all of its content was sent`, {
    code: 'ERR_REGISTRY_PROTOCOL',
    status,
    proxy,
    reason: 'answered-early',
    hint: 'what answers there does not store what it is sent: check that it is the registry, and no proxy in its place',
  });
}

/** Ends the request when what is waited for does not happen in time. */
class Watch {
  readonly #abort: (reason: unknown) => void;
  #timer: NodeJS.Timeout | undefined;
  #isOver = false;

  constructor(abort: (reason: unknown) => void) {
    this.#abort = abort;
  }

  start(timeoutMs: number, reason: () => unknown): void {
    this.stop();
    if (this.#isOver) return;
    this.#timer = setTimeout(() => this.#abort(reason()), timeoutMs);
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  /**
   * Nothing is waited for any more. A body may notice later than its request: what it says then must not keep the
   * process waiting.
   */
  end(): void {
    this.#isOver = true;
    this.stop();
  }
}

function outgoing(
  request: ExchangeRequest,
  body: RequestBody,
  failed: FailedRequest,
  watch: Watch,
  signal: AbortSignal,
): OutgoingBody {
  const { answerTimeoutMs, idleTimeoutMs, onTaken, onBodySent } = request;
  return new OutgoingBody(body.open(signal), {
    size: body.size,
    onTaken,
    onHanded: () =>
      watch.start(idleTimeoutMs, () => timeoutError(failed, 'the connection took no byte', idleTimeoutMs)),
    onWanted: () => watch.stop(),
    onEnd: () => {
      watch.start(answerTimeoutMs, () => timeoutError(failed, 'no answer came', answerTimeoutMs));
      onBodySent?.();
    },
  });
}

function headersOf({ headers, body, method }: ExchangeRequest): Record<string, string> {
  const size = body === undefined ? (method === 'GET' || method === 'HEAD' ? undefined : 0) : body.size;
  // Google's registry answers 411 to a POST without it, and Nexus to a manifest.
  return size === undefined ? { ...headers } : { ...headers, 'content-length': `${size}` };
}

/** Cookies, and the token or password of an `Authorization` header, in each form that an answer could echo. */
function secretsOf({ authorization, cookie }: Readonly<Record<string, string>>): readonly string[] {
  const cookies = cookie === undefined ? [] : [cookie];
  if (authorization === undefined) return cookies;
  const [scheme, value = ''] = authorization.split(' ');
  if (scheme !== 'Basic') return [...cookies, value];
  const decoded = Buffer.from(value, 'base64').toString('utf8');
  return [...cookies, value, decoded.slice(decoded.indexOf(':') + 1)];
}
