import { createHmac } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { DispatcherFactory } from '@slipway/registry-client';
import type { Logger } from 'pino';
import { RequestError } from '../../errors.ts';
import { createEgress } from '../../security/egress.ts';
import { isFinal, type JobRecord } from '../record/job.ts';
import type { JobStore } from '../record/job-store.ts';
import { viewOf } from '../record/job-view.ts';
import type { CredentialSeal } from './sealed-credentials.ts';

/** Tells those who asked for it that a job has ended. */
export interface Webhooks extends AsyncDisposable {
  /** @throws {RequestError} 400 for what is no URL, 403 for one that the operator has not allowed */
  assertAllowed(url: string): void;
  seal(id: string, secret: string | undefined): string | undefined;
  /**
   * Tells how a job has ended, if that is wanted and not done; tries again when nobody answers, and no more once the
   * job is tried again: its next end has a notice of its own.
   */
  deliver(end: JobEnd): void;
}

export interface WebhooksOptions {
  /** Where notices may go: hosts, `host:port`, `*.domain`, address ranges. None: there are no notices. */
  readonly allowed: readonly string[];
  readonly store: Pick<JobStore, 'get' | 'update'>;
  readonly seal: CredentialSeal;
  readonly dispatcher: DispatcherFactory;
  readonly log: Logger;
  /** Waits before the attempts; there are as many attempts. @default 0, 5 s, 30 s, 2 min, 10 min */
  readonly delaysMs?: readonly number[] | undefined;
}

const timeoutMs = 10_000;
const timeouts = { connectTimeoutMs: 5_000, tlsTimeoutMs: 5_000 } as const;
const usualDelaysMs = [0, 5_000, 30_000, 120_000, 600_000];

/**
 * Sends notices as Standard Webhooks has them: `webhook-id`, `webhook-timestamp`, and `webhook-signature` where there
 * is a secret. A receiver that redirects is not followed.
 *
 * @see https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
 */
export function createWebhooks(options: WebhooksOptions): Webhooks {
  const { allowed, store, seal, log, delaysMs = usualDelaysMs } = options;
  const egress = createEgress(allowed, '--allow-webhook');
  const dispatcher = egress.guard(options.dispatcher)({ ...timeouts, tls: {}, connections: 8, maxHeaderSize: 16_384 });
  const closing = new AbortController();
  const running = new Map<string, Promise<void>>();

  const secretOf = ({ id, sealedWebhook }: JobRecord): string | undefined =>
    sealedWebhook === undefined ? undefined : seal.open(id, sealedWebhook).get('webhook')?.password;

  const send = async (job: JobRecord, url: URL): Promise<void> => {
    const timestamp = Math.floor(Date.now() / 1000);
    const body = JSON.stringify({ type: 'job.finished', timestamp: new Date().toISOString(), data: viewOf(job) });
    const id = `${job.id}.${job.endedBy}`; // the same for each attempt, another after a retry
    const secret = secretOf(job);
    const { statusCode, body: answer } = await dispatcher.request({
      origin: url.origin,
      path: `${url.pathname}${url.search}`,
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'user-agent': 'slipwayd',
        'webhook-id': id,
        'webhook-timestamp': `${timestamp}`,
        ...(secret !== undefined && { 'webhook-signature': signatureOf(secret, `${id}.${timestamp}.${body}`) }),
      },
      body,
      signal: AbortSignal.any([closing.signal, AbortSignal.timeout(timeoutMs)]),
    });
    await answer.dump({ limit: 64 * 1024 });
    if (statusCode < 200 || statusCode > 299) throw new Error(`it answered ${statusCode}`);
  };

  /** Whether there is nothing left to do. */
  const attempt = async (end: JobEnd): Promise<boolean> => {
    const { id } = end;
    const job = await store.get(id);
    if (job?.webhook === undefined || !isUntold(job, end)) return true;
    const { url, attempts } = job.webhook;
    const failure = await send(job, new URL(url)).then(
      () => undefined,
      (error: unknown) => (error as Error).message,
    );
    closing.signal.throwIfAborted();
    const isLast = attempts + 1 >= delaysMs.length;
    const state = failure === undefined ? 'delivered' : isLast ? 'failed' : 'waiting';
    if (failure !== undefined) log.warn({ job: id, attempt: attempts + 1 }, `a webhook was not delivered: ${failure}`);
    await store.update(id, (current) =>
      isUntold(current, end)
        ? { ...current, webhook: { url, state, attempts: attempts + 1, error: failure } }
        : current,
    );
    return state !== 'waiting';
  };

  const run = async (end: JobEnd): Promise<void> => {
    const begun = (await store.get(end.id))?.webhook?.attempts ?? 0;
    for (const delayMs of delaysMs.slice(begun)) {
      await delay(delayMs, undefined, { signal: closing.signal, ref: false });
      if (await attempt(end)) return;
    }
  };

  return {
    assertAllowed(text) {
      const url = URL.canParse(text) ? new URL(text) : undefined;
      if (url === undefined || !/^https?:$/.test(url.protocol) || url.username !== '' || url.password !== '') {
        throw new RequestError(400, 'invalid request: the webhook has to be an http or https URL without a password');
      }
      if (allowed.length === 0) {
        throw new RequestError(
          403,
          'forbidden: this daemon sends no webhooks: its operator has to set --allow-webhook',
        );
      }
      egress.assertRegistry(url.host);
    },
    seal: (id, secret) =>
      secret === undefined ? undefined : seal.seal(id, new Map([['webhook', { password: secret }]])),
    deliver({ id, endedBy }) {
      const key = `${id}.${endedBy}`;
      if (running.has(key) || closing.signal.aborted) return;
      const ended = run({ id, endedBy })
        .catch((err: unknown) => {
          if (!closing.signal.aborted) log.warn({ err, job: id }, 'a webhook cannot be sent');
        })
        .finally(() => running.delete(key));
      running.set(key, ended);
    },
    async [Symbol.asyncDispose]() {
      closing.abort(new Error('the daemon is shutting down'));
      await Promise.all(running.values());
      await dispatcher.destroy();
    },
  };
}

/** One end of a job: a job that is tried again ends once more. */
type JobEnd = Pick<JobRecord, 'id' | 'endedBy'>;

/** Whether the job stands at that end, and nobody was told of it so far. */
function isUntold({ state, endedBy, webhook }: JobRecord, end: JobEnd): boolean {
  return isFinal(state) && endedBy === end.endedBy && webhook?.state === 'waiting';
}

/** A secret may be written as the specification has it: `whsec_` and base64. */
function signatureOf(secret: string, text: string): string {
  const key = secret.startsWith('whsec_') ? Buffer.from(secret.slice(6), 'base64') : Buffer.from(secret);
  return `v1,${createHmac('sha256', key).update(text).digest('base64')}`;
}
