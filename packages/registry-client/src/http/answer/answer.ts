import { STATUS_CODES } from 'node:http';
import { setImmediate } from 'node:timers/promises';
import type { ByteStream } from '@slipway/digest';
import type { Dispatcher } from 'undici/index.js';
import { RegistryError } from '../../errors.ts';
import { redactURL } from '../redirect/redact-url.ts';
import { CodingError, decodedBody, isCoding } from './decoded-body.ts';
import { networkError, timeoutError } from './network-error.ts';

/** What an answer needs to know of the request it answers. */
export interface AnswerContext {
  readonly method: string;
  readonly url: URL;
  /** Where the request was sent before it was redirected. */
  readonly asked: URL;
  /** Ends the request. */
  readonly abort: (reason: unknown) => void;
  /** The caller's own wish to stop, which goes before every other explanation. */
  readonly signal: AbortSignal | undefined;
  /** What the request carried and must not come back in a message. */
  readonly secrets: readonly string[];
  /** Whether the request was sent to its end before the answer came. */
  readonly hasWholeBody: () => boolean;
  /** The proxy that the request went through. */
  readonly proxy: string | undefined;
  /** The answer has been read to its end, or let go. */
  readonly onEnd: (how: AnswerEnd) => void;
}

/** How an answer ended. */
export interface AnswerEnd {
  readonly receivedBytes: number;
  /** It was read to its end. */
  readonly isWhole: boolean;
}

/** A registry's answer, its body still unread. Exactly one of `bytes`, `stream` and `discard` must be called. */
export class Answer {
  readonly status: number;
  readonly statusText: string;
  readonly method: string;
  readonly url: URL;
  /** Where the request was sent before it was redirected to `url`. */
  readonly asked: URL;
  /** Whether the registry had the whole request when it answered. */
  readonly isAfterBody: boolean;
  /** What the request carried and must not come back in a message. */
  readonly secrets: readonly string[];
  /** The proxy that the request went through, without its user and password. */
  readonly proxy: string | undefined;
  readonly #response: Dispatcher.ResponseData;
  readonly #context: AnswerContext;

  constructor(response: Dispatcher.ResponseData, context: AnswerContext) {
    this.status = response.statusCode;
    // Not every dispatcher hands it on: undici's own way through a plain http proxy loses it.
    this.statusText = (response.statusText as string | undefined) ?? STATUS_CODES[response.statusCode] ?? '';
    this.method = context.method;
    this.url = context.url;
    this.asked = context.asked;
    this.secrets = context.secrets;
    this.proxy = context.proxy;
    this.isAfterBody = context.hasWholeBody();
    this.#response = response;
    this.#context = context;
  }

  /** All lines of a header. */
  headers(name: string): readonly string[] {
    const value = this.#response.headers[name];
    return value === undefined ? [] : Array.isArray(value) ? value : [value];
  }

  /** The first line of a header. */
  header(name: string): string | undefined {
    return this.headers(name)[0];
  }

  /**
   * The whole body, its coding undone. Longer ones than `limit` are an error, or cut when `truncate` is set. One that
   * breaks off or takes too long is an error, or what has arrived of it when `partial` is set.
   *
   * @throws {RegistryError} `ERR_REGISTRY_PROTOCOL` when it is too long, or not coded as it says
   */
  async bytes(limits: {
    limit: number;
    timeoutMs: number;
    truncate?: boolean;
    partial?: boolean;
  }): Promise<Uint8Array> {
    if (this.size === 0) return await this.#nothing();
    const { limit, timeoutMs, truncate = false, partial = false } = limits;
    const { method, url, abort, proxy } = this.#context;
    const timer = setTimeout(
      () => abort(timeoutError({ method, url, proxy }, 'the answer was not complete', timeoutMs)),
      timeoutMs,
    );
    const chunks: Uint8Array[] = [];
    let length = 0;
    try {
      for await (const chunk of this.decoded()) {
        length += chunk.byteLength;
        if (length <= limit) {
          chunks.push(chunk);
          continue;
        }
        if (!truncate) throw this.protocolError(`an answer of more than ${limit} bytes`);
        chunks.push(chunk.subarray(0, chunk.byteLength - (length - limit)));
        break;
      }
    } catch (error) {
      if (partial && chunks.length > 0) return concatenate(chunks);
      throw error;
    } finally {
      clearTimeout(timer);
    }
    await setImmediate(); // undici takes the connection back one turn later; a request before that would open another
    return concatenate(chunks);
  }

  /** What the parser has read to its end already: most answers to an upload have no body. */
  async #nothing(): Promise<Uint8Array> {
    this.#response.body.on('error', () => {}); // a connection that breaks now has answered all the same
    this.#response.body.resume();
    this.#context.onEnd({ receivedBytes: 0, isWhole: true });
    await setImmediate();
    return new Uint8Array(0);
  }

  /** Bytes that the body holds, as its head says; undefined where nobody knows before it is read. */
  get size(): number | undefined {
    const header = this.header('content-length');
    const isCoded = !['', 'identity'].includes(this.header('content-encoding') ?? '');
    return !isCoded && header !== undefined && /^\d{1,15}$/.test(header) ? Number(header) : undefined;
  }

  /** The body's media type in lower case, without parameters; '' where the head names none. */
  get mediaType(): string {
    return (this.header('content-type') ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? '';
  }

  /** Whether the body is labelled with a coding that can be undone. */
  get isCoded(): boolean {
    return isCoding(this.header('content-encoding'));
  }

  /**
   * The body, its coding undone. Leaving the loop closes the connection.
   *
   * @throws {RegistryError} `ERR_REGISTRY_PROTOCOL` when it is not coded as it says
   */
  async *decoded(): ByteStream {
    try {
      yield* decodedBody(this.stream(), this.header('content-encoding'));
    } catch (error) {
      if (!(error instanceof CodingError)) throw error;
      throw this.protocolError(`a body that cannot be decoded (${error.message})`);
    }
  }

  /** The body as it comes. Leaving the loop closes the connection. */
  async *stream(): ByteStream {
    const { method, url, signal, onEnd, proxy } = this.#context;
    let receivedBytes = 0;
    let isWhole = false;
    try {
      for await (const chunk of this.#response.body) {
        receivedBytes += chunk.byteLength;
        yield chunk;
      }
      isWhole = true;
    } catch (error) {
      if (signal?.aborted) throw signal.reason;
      throw error instanceof RegistryError ? error : networkError({ method, url, proxy }, error);
    } finally {
      onEnd({ receivedBytes, isWhole });
    }
  }

  /** Reads a short body to its end, so that the connection can be used again, and drops a long one. */
  async discard(): Promise<void> {
    // A failure costs the connection's reuse and nothing else.
    await this.bytes({ limit: 65_536, timeoutMs: 5_000, truncate: true }).catch(() => {});
  }

  /** The answer is not what the protocol promises. */
  protocolError(received: string): RegistryError {
    return new RegistryError(`${this.method} ${redactURL(this.url)} answered ${this.status} with ${received}`, {
      code: 'ERR_REGISTRY_PROTOCOL',
      status: this.status,
      proxy: this.proxy,
    });
  }
}

function concatenate(chunks: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(chunks.reduce((size, chunk) => size + chunk.byteLength, 0));
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.byteLength;
  }
  return whole;
}
