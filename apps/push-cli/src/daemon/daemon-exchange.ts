import { type ClientRequest, type IncomingMessage, type RequestOptions, request as requestHTTP } from 'node:http';
import type { DaemonAddress } from './daemon-address.ts';

/** One request to a daemon. */
export interface Call {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PATCH' | 'DELETE';
  /** Below `slipway/v1/`. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly body?: string | AsyncIterable<Uint8Array> | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds in which something has to move: a byte of either body, or the answer. */
  readonly silenceMs: number;
  /** Told after each {@link stillMs} in which nothing moved, with the seconds since something did. */
  readonly onStill?: ((seconds: number) => void) | undefined;
}

/** Milliseconds without movement after which the user is told. */
export const stillMs = 20_000;

/** A daemon's answer, whose body is read or discarded. */
export interface DaemonAnswer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  chunks(): AsyncGenerator<Uint8Array, void, void>;
  text(): Promise<string>;
  discard(): void;
}

/** The daemon took the connection, or had it already, and nothing moved any more. */
export class Silence extends Error {
  override name = 'Silence';

  constructor(ms: number) {
    super(`nothing moved for ${ms / 1_000} s`);
  }
}

/** The source of a body failed, not the connection. */
export class BodyError extends Error {
  override readonly cause: unknown;

  constructor(cause: unknown) {
    super('the body failed');
    this.cause = cause;
  }
}

/**
 * Sends a request, and waits for the head of its answer.
 *
 * @throws {Silence} when nothing moves for too long, here and while the body is read
 * @throws {BodyError} when the body's source fails
 */
export async function exchange(address: DaemonAddress, call: Call): Promise<DaemonAnswer> {
  const { url, socketPath, tls, token } = address;
  const { method, path, headers, body, signal, silenceMs, onStill } = call;
  const options: RequestOptions = {
    method,
    headers: { ...headers, ...(token === undefined ? {} : { authorization: `Bearer ${token}` }) },
    ...(signal === undefined ? {} : { signal }),
    ...(socketPath === undefined ? {} : { socketPath }),
  };
  const target = new URL(`slipway/v1/${path}`, url);
  const request =
    url.protocol === 'https:'
      ? (await import('node:https')).request(target, { ...options, ...tls })
      : requestHTTP(target, options);
  const watch = new Watch(silenceMs, { onStill, onSilence: (silence) => void request.destroy(silence) });
  request.on('close', () => watch.end());
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    request.on('response', resolve);
    request.on('error', (error) => reject(watch.silence ?? error));
    if (typeof body === 'string' || body === undefined) request.end(body);
    // A daemon that refuses closes the connection; what it says is what counts.
    else sendBody(request, body, watch).catch((error: unknown) => error instanceof BodyError && reject(error));
  });
  answer.on('error', () => {}); // the loop over its chunks throws it
  watch.moved();
  async function* chunks(): AsyncGenerator<Uint8Array, void, void> {
    try {
      for await (const chunk of answer as AsyncIterable<Uint8Array>) {
        watch.pause();
        yield chunk;
        watch.moved();
      }
    } catch (error) {
      throw watch.silence ?? error;
    } finally {
      watch.end();
    }
  }
  return {
    status: answer.statusCode ?? 0,
    headers: answer.headers,
    chunks,
    async text() {
      const pieces: Uint8Array[] = [];
      for await (const chunk of chunks()) pieces.push(chunk);
      return Buffer.concat(pieces).toString('utf8');
    },
    discard: () => void answer.resume(),
  };
}

/** Tells when the daemon's side has not moved for too long. What is waited for on this side does not count. */
class Watch {
  readonly #ms: number;
  readonly #onStill: Call['onStill'];
  readonly #onSilence: (silence: Silence) => void;
  #timer: NodeJS.Timeout | undefined;
  #hasEnded = false;
  silence: Silence | undefined;

  constructor(ms: number, { onStill, onSilence }: Pick<Call, 'onStill'> & { onSilence(silence: Silence): void }) {
    this.#ms = ms;
    this.#onStill = onStill;
    this.#onSilence = onSilence;
    this.moved();
  }

  /** Something has moved, or is waited for again. */
  moved(): void {
    this.pause();
    if (!this.#hasEnded) this.#wait(0);
  }

  pause(): void {
    clearTimeout(this.#timer);
  }

  end(): void {
    this.#hasEnded = true;
    this.pause();
  }

  #wait(waitedMs: number): void {
    const ms = Math.min(stillMs, this.#ms - waitedMs);
    this.#timer = setTimeout(() => {
      const stillFor = waitedMs + ms;
      if (stillFor < this.#ms) {
        this.#onStill?.(stillFor / 1_000);
        this.#wait(stillFor);
        return;
      }
      this.silence = new Silence(this.#ms);
      this.#onSilence(this.silence);
    }, ms).unref(); // the connection is what keeps the process
  }
}

async function sendBody(request: ClientRequest, body: AsyncIterable<Uint8Array>, watch: Watch): Promise<void> {
  try {
    watch.pause();
    for await (const chunk of body) {
      if (request.destroyed || request.writableEnded) return;
      watch.moved();
      if (!request.write(chunk)) await drained(request);
      watch.pause();
    }
  } catch (cause) {
    request.destroy();
    throw new BodyError(cause);
  }
  watch.moved();
  request.end();
}

async function drained(request: ClientRequest): Promise<void> {
  await new Promise<void>((resolve) => {
    const done = (): void => {
      request.off('drain', done).off('close', done);
      resolve();
    };
    request.on('drain', done).on('close', done);
    if (request.destroyed) done();
  });
}
