import type { IncomingMessage, ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as wait } from 'node:timers/promises';
import type { ByteStream } from '@slipway/digest';
import { codeOfStatus, errorBody, messageOf, type Refusal } from './answers/refusal.ts';
import type { Misbehaviour } from './misbehaviour.ts';
import type { WireQuirks } from './quirks.ts';
import type { RequestRecord } from './request-record.ts';
import type { Route } from './route.ts';
import { codeBody, codingOf, formHead, isChunked, resetReused, sendInterim } from './wire-form.ts';

export interface AnswerBody {
  readonly size: number;
  readonly bytes: ByteStream;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** One request and its answer. Every byte of both passes here, where the rules of misbehaviour apply. */
export class Exchange {
  readonly method: string;
  /** The request's URL, under the origin the client used. */
  readonly url: URL;
  readonly route: Route;
  readonly record: RequestRecord;
  /** Aborts when the client has left or the registry ends. */
  readonly signal: AbortSignal;
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #rule: Misbehaviour;
  #isStalled = false;
  readonly #wire: Partial<WireQuirks>;
  readonly #record: Mutable<RequestRecord>;

  constructor(
    request: IncomingMessage,
    response: ServerResponse,
    url: URL,
    route: Route,
    rule: Misbehaviour,
    wire: Partial<WireQuirks>,
    signal: AbortSignal,
  ) {
    this.method = request.method ?? 'GET';
    this.url = url;
    this.route = route;
    this.signal = signal;
    this.#request = request;
    this.#response = response;
    this.#rule = rule;
    this.#wire = wire;
    this.#record = {
      method: this.method,
      path: url.pathname,
      query: new URLSearchParams(url.searchParams),
      kind: route.kind,
      repository: route.repository,
      status: 0,
      requestBytes: 0,
      responseBytes: 0,
      headers: redacted(request),
      at: Date.now(),
    };
    this.record = this.#record;
  }

  /** Whether nobody is left to answer to. */
  get isGone(): boolean {
    return this.signal.aborted || this.#request.socket.destroyed;
  }

  header(name: string): string | undefined {
    const value = this.#request.headers[name];
    return Array.isArray(value) ? value.join(', ') : value;
  }

  /** The whole Authorization header. It is kept out of the record. */
  get authorization(): string | undefined {
    return this.#request.headers.authorization;
  }

  parameter(name: string): string | undefined {
    return this.url.searchParams.get(name) ?? undefined;
  }

  /** Whether the request says that it has a body: a length above zero, or chunks. */
  get hasBody(): boolean {
    return Number(this.header('content-length') ?? 0) > 0 || this.header('transfer-encoding') !== undefined;
  }

  /** Has a request that stalls take its body after all: only who reads notices that the client has left. */
  notice(): void {
    if (this.#isStalled) this.#request.resume();
  }

  /** Misbehaves before any work is done. True when nothing is left to do. */
  async interfere(): Promise<boolean> {
    const rule = this.#rule;
    if (resetReused(this.#request, this.#wire)) return true;
    if (rule.delayMs !== undefined) await wait(rule.delayMs, undefined, { signal: this.signal });
    if (rule.reset) {
      this.#request.socket.resetAndDestroy();
      return true;
    }
    if (rule.interimEveryMs !== undefined) {
      const timer = setInterval(() => this.#response.writeProcessing(), rule.interimEveryMs);
      await aborted(this.signal);
      clearInterval(timer);
      return true;
    }
    if (rule.stall) {
      this.#isStalled = true;
      await aborted(this.signal);
      return true;
    }
    if (rule.status === undefined) return false;
    if (rule.readFirst) for await (const _ of this.body());
    await this.answer(rule.status, ...inventedAnswer(rule, rule.status));
    return true;
  }

  /** The request's body, once. Chunks are handed on as they arrive; the socket waits for whoever reads. */
  async *body(): AsyncGenerator<Uint8Array> {
    const limit = this.#rule.dropAfter ?? Number.POSITIVE_INFINITY;
    if (limit === 0) this.#request.socket.destroy();
    // A handler that refuses in the middle still answers on this connection.
    for await (const chunk of this.#request.iterator({ destroyOnReturn: false }) as AsyncIterable<Uint8Array>) {
      const rest = limit - this.#record.requestBytes;
      const taken = chunk.byteLength < rest ? chunk : chunk.subarray(0, rest);
      this.#record.requestBytes += taken.byteLength;
      yield taken;
      if (this.#record.requestBytes >= limit) {
        this.#request.socket.destroy();
        throw new ConnectionDropped();
      }
    }
  }

  /** Answers, as far as the rule lets it. The body is left out where the request was a HEAD. */
  async answer(
    status: number,
    headers: Readonly<Record<string, string>>,
    body?: AnswerBody | Uint8Array,
  ): Promise<void> {
    const rule = this.#rule;
    if (rule.delayAnswerMs !== undefined) await wait(rule.delayAnswerMs, undefined, { signal: this.signal });
    if (rule.dropResponse) {
      this.#response.destroy();
      return;
    }
    const isStreamed = !(body instanceof Uint8Array);
    const bytes = isStreamed ? undefined : codeBody(body, this.#wire);
    const content = isStreamed ? body : bytes && { size: bytes.byteLength, bytes: [bytes] };
    const coding = content && codingOf(isStreamed, this.#wire);
    const hasLength = status >= 200 && status !== 204 && status !== 304;
    const isCounted = hasLength && (content === undefined || !isChunked(this.#wire));
    const own: Record<string, string> = isCounted ? { 'Content-Length': String(content?.size ?? 0) } : {};
    if (coding !== undefined) own['Content-Encoding'] = coding;
    for (const name of rule.omitHeaders ?? []) this.#response.removeHeader(name);
    sendInterim(this.#response, this.#wire);
    formHead(this.#response, content?.size, this.#wire);
    this.#response.writeHead(status, this.#misleading({ ...own, ...headers }));
    this.#record.status = status;
    if (content === undefined || this.method === 'HEAD') this.#response.end();
    else
      await pipeline(Readable.from(this.#outgoing(content.bytes), { objectMode: false }), this.#response, {
        signal: this.signal,
      });
  }

  /** Answers with an error body. */
  async refuse(refusal: Refusal): Promise<void> {
    const headers = { 'Content-Type': 'application/json', ...refusal.headers };
    await this.answer(refusal.status, headers, refusal.body);
  }

  #misleading(headers: Record<string, string>): Record<string, string> {
    const { omitHeaders = [], wrongDigest, moveLocation } = this.#rule;
    const changed: Record<string, string> = { ...headers };
    const location = changed['Location'];
    if (moveLocation !== undefined && location !== undefined) {
      const right = new URL(location, this.url);
      changed['Location'] =
        typeof moveLocation === 'string' ? moveLocation + right.pathname + right.search : moveLocation(right);
    }
    if (wrongDigest) changed['Docker-Content-Digest'] = `sha256:${'0'.repeat(64)}`;
    for (const [name, value] of Object.entries(this.#rule.headers ?? {})) {
      remove(changed, name);
      changed[name] = value;
    }
    for (const name of omitHeaders) remove(changed, name);
    return changed;
  }

  async *#outgoing(bytes: ByteStream | Iterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    const { truncateAfter = Number.POSITIVE_INFINITY, drip } = this.#rule;
    for await (const chunk of bytes) {
      const step = drip?.bytes ?? chunk.byteLength;
      for (let at = 0; at < chunk.byteLength; at += step) {
        const rest = truncateAfter - this.#record.responseBytes;
        const piece = chunk.subarray(at, Math.min(at + step, at + rest));
        this.#record.responseBytes += piece.byteLength;
        if (piece.byteLength > 0) yield piece;
        if (this.#record.responseBytes >= truncateAfter) {
          await this.#flushed();
          throw new ConnectionDropped();
        }
        if (drip) await wait(drip.everyMs, undefined, { signal: this.signal });
      }
    }
  }

  /** Waits until what was written has left for the socket, so that a cut falls where the rule put it. */
  async #flushed(): Promise<void> {
    do await wait(1, undefined, { signal: this.signal });
    while (this.#response.writableLength > 0);
  }
}

/** The rule ended the connection: the rest of the work is off. */
export class ConnectionDropped extends Error {
  override name = 'ConnectionDropped';
}

function remove(headers: Record<string, string>, name: string): void {
  for (const key of Object.keys(headers)) if (key.toLowerCase() === name.toLowerCase()) delete headers[key];
}

function inventedAnswer(rule: Misbehaviour, status: number): [Record<string, string>, Uint8Array] {
  const encode = (text: string): Uint8Array => new TextEncoder().encode(text);
  if (typeof rule.body === 'object') return [{ 'Content-Type': 'application/json' }, encode(JSON.stringify(rule.body))];
  if (typeof rule.body === 'string') {
    const type = rule.body.trimStart().startsWith('<') ? 'text/html' : 'text/plain';
    return [{ 'Content-Type': type }, encode(rule.body)];
  }
  const code = codeOfStatus(status);
  return [{ 'Content-Type': 'application/json' }, status < 400 ? new Uint8Array() : errorBody(code, messageOf(code))];
}

function redacted(request: IncomingMessage): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const [name, value = ''] of Object.entries(request.headers)) headers[name] = [value].flat().join(', ');
  if (headers['authorization']) headers['authorization'] = headers['authorization'].split(' ', 1)[0] ?? '';
  return headers;
}

async function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
}
