import { type ClientRequest, type IncomingMessage, type RequestOptions, request as requestHTTP } from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';
import { CliError } from '../errors.ts';
import { type DaemonAddress, isPrivate } from './daemon-address.ts';
import { refusalOf } from './daemon-refusal.ts';
import { readEvents } from './event-stream.ts';
import type { Job, JobEvent } from './job.ts';

/** What of a list of jobs is wanted. */
export interface ListQuery {
  readonly state?: readonly string[] | undefined;
  readonly destination?: string | undefined;
  readonly principal?: string | undefined;
  readonly limit: number;
}

export interface JobPage {
  readonly jobs: readonly Job[];
  /** `before` of the page that follows. */
  readonly next?: string | undefined;
}

interface Call {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PATCH' | 'DELETE';
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly body?: string | AsyncIterable<Uint8Array> | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Losses of the connection in a row, without an event between them, after which a job is no longer followed. */
const maxLosses = 20;
const longestPauseMs = 5_000;

/** Speaks the jobs API of a slipwayd. It is small on purpose: `slipway job` starts at once. */
export class DaemonClient {
  readonly #address: DaemonAddress;

  constructor(address: DaemonAddress) {
    this.#address = address;
  }

  get name(): string {
    return this.#address.text;
  }

  /** Submits what the daemon can read by itself. The same `key` again means the same job. */
  async submit(job: Readonly<Record<string, unknown>>, key: string, signal: AbortSignal): Promise<Job> {
    const headers = { 'content-type': 'application/json', 'idempotency-key': key };
    return await this.#json({ method: 'POST', path: 'jobs', headers, body: JSON.stringify(job), signal });
  }

  /** Submits an archive that goes with the request. */
  async submitArchive(
    archive: {
      readonly bytes: AsyncIterable<Uint8Array>;
      readonly size: number | undefined;
      readonly query: URLSearchParams;
      /** Base64url of JSON, by registry. */
      readonly credentials: string | undefined;
    },
    key: string,
    signal: AbortSignal,
  ): Promise<Job> {
    const { bytes, size, query, credentials } = archive;
    const headers = {
      'content-type': 'application/x-tar',
      'idempotency-key': key,
      ...(size === undefined ? {} : { 'content-length': `${size}` }),
      ...(credentials === undefined ? {} : { 'x-registry-config': credentials }),
    };
    return await this.#json({ method: 'POST', path: `jobs/archive?${query}`, headers, body: bytes, signal });
  }

  /** Begins an upload in parts, by the tus protocol. @returns its id */
  async createUpload(size: number, signal: AbortSignal): Promise<string> {
    const headers = { ...tus, 'upload-length': `${size}` };
    const answer = await this.#send({ method: 'POST', path: 'uploads', headers, signal });
    answer.resume();
    return decodeURIComponent(/[^/]*$/.exec(answer.headers.location ?? '')?.[0] ?? '');
  }

  /** How much of an upload the daemon has. */
  async uploadOffset(id: string, signal: AbortSignal): Promise<number> {
    return offsetIn(await this.#send({ method: 'HEAD', path: uploadPath(id), headers: tus, signal }));
  }

  /** Adds what follows an offset. @returns how much the daemon has then */
  async appendUpload(
    id: string,
    bytes: AsyncIterable<Uint8Array>,
    { offset, size, signal }: { readonly offset: number; readonly size: number; readonly signal: AbortSignal },
  ): Promise<number> {
    const headers = {
      ...tus,
      'content-type': 'application/offset+octet-stream',
      'upload-offset': `${offset}`,
      'content-length': `${size - offset}`,
    };
    return offsetIn(await this.#send({ method: 'PATCH', path: uploadPath(id), headers, body: bytes, signal }));
  }

  /** Gives an upload up, if the daemon can be told so soon. */
  async deleteUpload(id: string): Promise<void> {
    const call = { method: 'DELETE', path: uploadPath(id), headers: tus, signal: AbortSignal.timeout(2_000) } as const;
    await this.#send(call).then(
      (answer) => answer.resume(),
      () => {},
    );
  }

  /** So many of the newest. A page has fewer where the daemon leaves out many: then the next is asked for. */
  async list({ limit, ...query }: ListQuery, signal: AbortSignal): Promise<JobPage> {
    const jobs: Job[] = [];
    let next: string | undefined;
    do {
      const asked = new URLSearchParams();
      for (const [name, value] of Object.entries({ ...query, limit: limit - jobs.length, before: next })) {
        for (const each of [value ?? []].flat()) asked.append(name, `${each}`);
      }
      const page: JobPage = await this.#json({ method: 'GET', path: `jobs?${asked}`, signal });
      jobs.push(...page.jobs);
      next = page.next;
    } while (next !== undefined && jobs.length < limit);
    return { jobs, next };
  }

  async get(id: string, signal?: AbortSignal): Promise<Job> {
    return await this.#json({ method: 'GET', path: `jobs/${encodeURIComponent(id)}`, signal });
  }

  async cancel(id: string, signal?: AbortSignal): Promise<Job> {
    return await this.#json({ method: 'POST', path: `jobs/${encodeURIComponent(id)}/cancel`, signal });
  }

  async retry(id: string, credentials: Readonly<Record<string, unknown>>, signal: AbortSignal): Promise<Job> {
    const headers = { 'content-type': 'application/json' };
    const body = JSON.stringify(Object.keys(credentials).length > 0 ? { credentials } : {});
    return await this.#json({ method: 'POST', path: `jobs/${encodeURIComponent(id)}/retry`, headers, body, signal });
  }

  /** What happened to a job and what happens, until it has ended; goes on where it was when the daemon comes back. */
  async *follow(id: string, signal: AbortSignal): AsyncGenerator<JobEvent, void, void> {
    const path = `jobs/${encodeURIComponent(id)}/events`;
    let after = 0;
    let losses = 0;
    let isFinished = false;
    for (;;) {
      try {
        const answer = await this.#send({ method: 'GET', path, headers: { 'last-event-id': `${after}` }, signal });
        for await (const event of readEvents(answer)) {
          losses = 0;
          after = event.seq ?? after;
          isFinished = event.type === 'job:finished'; // a retry may follow: the daemon knows whether this was the end
          yield event;
        }
        if (isFinished) return;
      } catch (error) {
        signal.throwIfAborted();
        const isRefusal = error instanceof CliError && error.code !== 'ERR_CLI_DAEMON_UNREACHABLE';
        if (isRefusal || error instanceof SyntaxError) throw error;
        if (losses === maxLosses) throw error instanceof CliError ? error : this.#unreachable(error);
      }
      losses += 1;
      await wait(Math.min(100 * 2 ** losses, longestPauseMs), undefined, { signal }).catch(() => {});
      signal.throwIfAborted();
    }
  }

  async #json<T>(call: Call): Promise<T> {
    const answer = await this.#send(call);
    try {
      return JSON.parse(await textOf(answer)) as T;
    } catch (cause) {
      call.signal?.throwIfAborted();
      throw this.#unreachable(cause);
    }
  }

  /** @returns an answer with a status of 2xx */
  async #send(call: Call): Promise<IncomingMessage> {
    call.signal?.throwIfAborted();
    const answer = await this.#exchange(call).catch((cause: unknown) => {
      call.signal?.throwIfAborted();
      throw cause instanceof BodyError ? cause.cause : this.#unreachable(cause);
    });
    const { statusCode = 0 } = answer;
    if (statusCode >= 200 && statusCode < 300) return answer;
    const mayTakeToken = isPrivate(this.#address);
    throw refusalOf({ name: this.name, mayTakeToken }, statusCode, await textOf(answer).catch(() => ''));
  }

  async #exchange({ method, path, headers, body, signal }: Call): Promise<IncomingMessage> {
    const { url, socketPath, tls, token } = this.#address;
    const options: RequestOptions = {
      method,
      headers: { ...headers, ...(token === undefined ? {} : { authorization: `Bearer ${token}` }) },
      ...(signal === undefined ? {} : { signal }),
      ...(socketPath === undefined ? {} : { socketPath }),
    };
    const target = new URL(`slipway/v1/${path}`, url);
    const call =
      url.protocol === 'https:'
        ? (await import('node:https')).request(target, { ...options, ...tls })
        : requestHTTP(target, options);
    return await new Promise<IncomingMessage>((resolve, reject) => {
      call.once('response', resolve);
      call.once('error', reject);
      if (typeof body === 'string' || body === undefined) call.end(body);
      // A daemon that refuses closes the connection; what it says is what counts.
      else sendBody(call, body).catch((error: unknown) => error instanceof BodyError && reject(error));
    });
  }

  #unreachable(cause: unknown): CliError {
    const { code, message } = cause as NodeJS.ErrnoException;
    const isClosed = code === 'EACCES' || code === 'EPERM';
    return new CliError('ERR_CLI_DAEMON_UNREACHABLE', `cannot talk to slipwayd at ${this.name}: ${code ?? message}`, {
      cause,
      hint: isClosed
        ? 'your user may not open its socket: join the group that owns it'
        : 'start slipwayd, or name another with --daemon or SLIPWAY_HOST',
    });
  }
}

const tus = { 'tus-resumable': '1.0.0' };

function uploadPath(id: string): string {
  return `uploads/${encodeURIComponent(id)}`;
}

function offsetIn(answer: IncomingMessage): number {
  answer.resume();
  return Number(answer.headers['upload-offset']);
}

/** The source of a body failed, not the connection. */
class BodyError extends Error {
  override readonly cause: unknown;

  constructor(cause: unknown) {
    super('the body failed');
    this.cause = cause;
  }
}

async function sendBody(call: ClientRequest, body: AsyncIterable<Uint8Array>): Promise<void> {
  try {
    for await (const chunk of body) {
      if (call.destroyed || call.writableEnded) return;
      if (!call.write(chunk)) await drained(call);
    }
  } catch (cause) {
    call.destroy();
    throw new BodyError(cause);
  }
  call.end();
}

async function drained(call: ClientRequest): Promise<void> {
  await new Promise<void>((resolve) => {
    const done = (): void => {
      call.off('drain', done).off('close', done);
      resolve();
    };
    call.on('drain', done).on('close', done);
    if (call.destroyed) done();
  });
}

async function textOf(answer: IncomingMessage): Promise<string> {
  answer.setEncoding('utf8');
  let text = '';
  for await (const piece of answer) text += piece;
  return text;
}
