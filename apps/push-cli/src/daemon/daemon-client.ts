import { CliError } from '../errors.ts';
import { type DaemonAddress, isPrivate } from './daemon-address.ts';
import { BodyError, type Call, type DaemonAnswer, exchange, Silence } from './daemon-exchange.ts';
import { DaemonLoss, pause, repeated } from './daemon-loss.ts';
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

/** How long the daemon's side may stand still, in milliseconds. */
export interface DaemonPatience {
  /** Questions, which it answers out of its records. @default 30000 */
  readonly questionMs: number;
  /** Events of a job, between which it says every 15 s that it is there. @default 45000 */
  readonly eventsMs: number;
  /** Bytes of an archive. @default 60000 */
  readonly uploadMs: number;
  /** Submissions: it may read an archive, or ask a registry, before it answers. @default 300000 */
  readonly submissionMs: number;
}

const usualPatience: DaemonPatience = {
  questionMs: 30_000,
  eventsMs: 45_000,
  uploadMs: 60_000,
  submissionMs: 300_000,
};

export interface DaemonClientOptions {
  readonly patience?: Partial<DaemonPatience> | undefined;
  /** Told, in a line, when the daemon has not moved for a while, and when one that is waited for is lost. */
  readonly print?: ((line: string) => void) | undefined;
}

/** Losses of the connection in a row, without an event between them, after which a job is no longer followed. */
const maxLosses = 20;
/** A silence is a long loss: four of them end it. */
const silenceCounts = 5;

/** Speaks the jobs API of a slipwayd. It is small on purpose: `slipway job` starts at once. */
export class DaemonClient {
  readonly #address: DaemonAddress;
  readonly #patience: DaemonPatience;
  readonly #print: (line: string) => void;
  /** Whether it has answered anything yet. One that has not may not be there at all. */
  #hasAnswered = false;

  constructor(address: DaemonAddress, { patience, print = () => {} }: DaemonClientOptions = {}) {
    this.#address = address;
    this.#patience = { ...usualPatience, ...patience };
    this.#print = print;
  }

  get name(): string {
    return this.#address.text;
  }

  /**
   * Submits what the daemon can read by itself. The same `key` again means the same job: what was lost is sent again.
   */
  async submit(job: Readonly<Record<string, unknown>>, key: string, signal: AbortSignal): Promise<Job> {
    const headers = { 'content-type': 'application/json', 'idempotency-key': key };
    const body = JSON.stringify(job);
    const silenceMs = this.#patience.submissionMs;
    return await this.#submission(
      () => this.#json({ method: 'POST', path: 'jobs', headers, body, signal, silenceMs }),
      { isRepeatable: true, signal },
    );
  }

  /** Submits an archive that goes with the request, and goes again after a loss where it can be opened again. */
  async submitArchive(
    archive: {
      open(): AsyncIterable<Uint8Array> | Promise<AsyncIterable<Uint8Array>>;
      readonly isReopenable: boolean;
      readonly size: number | undefined;
      readonly query: URLSearchParams;
      /** Base64url of JSON, by registry. */
      readonly credentials: string | undefined;
    },
    key: string,
    signal: AbortSignal,
  ): Promise<Job> {
    const { size, query, credentials, isReopenable } = archive;
    const headers = {
      'content-type': 'application/x-tar',
      'idempotency-key': key,
      ...(size === undefined ? {} : { 'content-length': `${size}` }),
      ...(credentials === undefined ? {} : { 'x-registry-config': credentials }),
    };
    const path = `jobs/archive?${query}`;
    const silenceMs = this.#patience.submissionMs;
    const send = async (): Promise<Job> =>
      await this.#json({ method: 'POST', path, headers, body: await archive.open(), signal, silenceMs });
    return await this.#submission(send, { isRepeatable: isReopenable, signal });
  }

  /** Begins an upload in parts, by the tus protocol. @returns its id */
  async createUpload(size: number, signal: AbortSignal): Promise<string> {
    const headers = { ...tus, 'upload-length': `${size}` };
    const silenceMs = this.#patience.questionMs;
    const answer = await this.#send({ method: 'POST', path: 'uploads', headers, signal, silenceMs });
    answer.discard();
    return decodeURIComponent(/[^/]*$/.exec(answer.headers.location ?? '')?.[0] ?? '');
  }

  /** How much of an upload the daemon has. */
  async uploadOffset(id: string, signal: AbortSignal): Promise<number> {
    const silenceMs = this.#patience.questionMs;
    return offsetIn(await this.#send({ method: 'HEAD', path: uploadPath(id), headers: tus, signal, silenceMs }));
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
    const silenceMs = this.#patience.uploadMs;
    const path = uploadPath(id);
    return offsetIn(await this.#send({ method: 'PATCH', path, headers, body: bytes, signal, silenceMs }));
  }

  /** Gives an upload up, if the daemon can be told so soon. */
  async deleteUpload(id: string): Promise<void> {
    const silenceMs = 2_000;
    await this.#send({ method: 'DELETE', path: uploadPath(id), headers: tus, silenceMs }).then(
      (answer) => answer.discard(),
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
      const page = await this.#ask<JobPage>({ method: 'GET', path: `jobs?${asked}`, signal });
      jobs.push(...page.jobs);
      next = page.next;
    } while (next !== undefined && jobs.length < limit);
    return { jobs, next };
  }

  async get(id: string, signal?: AbortSignal): Promise<Job> {
    return await this.#ask({ method: 'GET', path: `jobs/${encodeURIComponent(id)}`, signal });
  }

  async cancel(id: string, signal?: AbortSignal): Promise<Job> {
    return await this.#ask({ method: 'POST', path: `jobs/${encodeURIComponent(id)}/cancel`, signal });
  }

  async retry(id: string, credentials: Readonly<Record<string, unknown>>, signal: AbortSignal): Promise<Job> {
    const headers = { 'content-type': 'application/json' };
    const body = JSON.stringify(Object.keys(credentials).length > 0 ? { credentials } : {});
    const silenceMs = this.#patience.questionMs;
    const path = `jobs/${encodeURIComponent(id)}/retry`;
    return await this.#json({ method: 'POST', path, headers, body, signal, silenceMs });
  }

  /**
   * What happened to a job and what happens, until it has ended. A daemon that was heard once is waited for when it is
   * lost, and goes on where it was; one that was not is asked as any question is.
   */
  async *follow(id: string, signal: AbortSignal): AsyncGenerator<JobEvent, void, void> {
    const path = `jobs/${encodeURIComponent(id)}/events`;
    const silenceMs = this.#patience.eventsMs;
    let after = 0;
    const open = async (): Promise<DaemonAnswer> =>
      await this.#send({ method: 'GET', path, headers: { 'last-event-id': `${after}` }, signal, silenceMs });
    let losses = 0;
    let isFinished = false;
    for (;;) {
      let wasSilent = false;
      try {
        const answer = this.#hasAnswered ? await open() : await repeated(open, signal);
        for await (const event of readEvents(answer.chunks())) {
          losses = 0;
          after = event.seq ?? after;
          isFinished = event.type === 'job:finished'; // a retry may follow: the daemon knows whether this was the end
          yield event;
        }
        if (isFinished) return;
      } catch (error) {
        signal.throwIfAborted();
        const isRefusal = error instanceof CliError && !(error instanceof DaemonLoss);
        if (isRefusal || error instanceof SyntaxError) throw error;
        const loss = error instanceof DaemonLoss ? error : new DaemonLoss(this.name, error);
        if (losses >= maxLosses || !this.#hasAnswered) throw loss;
        if (losses === 0) this.#print(`slipway: ${loss.message}; waiting for it`);
        wasSilent = loss.cause instanceof Silence;
        if (wasSilent) losses += silenceCounts - 1;
      }
      losses += 1;
      if (!wasSilent) await pause(losses, signal);
    }
  }

  async #submission(
    send: () => Promise<Job>,
    { isRepeatable, signal }: { readonly isRepeatable: boolean; readonly signal: AbortSignal },
  ): Promise<Job> {
    try {
      return isRepeatable ? await repeated(send, signal) : await send();
    } catch (error) {
      if (!(error instanceof DaemonLoss && error.isAnswerLost)) throw error;
      const hint = 'the daemon may have taken the job: look at `slipway job list` before you submit it again';
      throw new DaemonLoss(this.name, error.cause, hint);
    }
  }

  /** Asks what may be asked twice. */
  async #ask<T>(call: Omit<Call, 'silenceMs'>): Promise<T> {
    return await repeated(() => this.#json<T>({ ...call, silenceMs: this.#patience.questionMs }), call.signal);
  }

  async #json<T>(call: Call): Promise<T> {
    const answer = await this.#send(call);
    try {
      return JSON.parse(await answer.text()) as T;
    } catch (cause) {
      call.signal?.throwIfAborted();
      throw new DaemonLoss(this.name, cause);
    }
  }

  /** @returns an answer with a status of 2xx */
  async #send(call: Call): Promise<DaemonAnswer> {
    call.signal?.throwIfAborted();
    const onStill = (seconds: number): void =>
      this.#print(`slipway: slipwayd at ${this.name} has not answered for ${seconds} s`);
    const answer = await exchange(this.#address, { ...call, onStill }).catch((cause: unknown) => {
      call.signal?.throwIfAborted();
      throw cause instanceof BodyError ? cause.cause : new DaemonLoss(this.name, cause);
    });
    const { status } = answer;
    if (status >= 200 && status < 300) {
      this.#hasAnswered = true;
      return answer;
    }
    const mayTakeToken = isPrivate(this.#address);
    const refusal = refusalOf({ name: this.name, mayTakeToken }, status, await answer.text().catch(() => ''));
    if (!(refusal instanceof DaemonLoss)) this.#hasAnswered = true;
    throw refusal;
  }
}

const tus = { 'tus-resumable': '1.0.0' };

function uploadPath(id: string): string {
  return `uploads/${encodeURIComponent(id)}`;
}

function offsetIn(answer: DaemonAnswer): number {
  answer.discard();
  return Number(answer.headers['upload-offset']);
}
