import { parseDestinations } from '@slipway/client';
import type { AuthConfig } from '@slipway/docker-credentials';
import { canonicalName, formatReference, parseReference } from '@slipway/reference';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { duration } from '../../config/settings.ts';
import { sendJSON } from '../../docker/stream/send-json.ts';
import type { EngineContext } from '../../engine/engine-context.ts';
import { settingSchemasOf } from '../../engine/push-settings.ts';
import { authConfigOf } from '../../engine/registry-auth.ts';
import { RequestError } from '../../errors.ts';
import { audited } from '../../http/audited.ts';
import { watchClient } from '../../http/client-signal.ts';
import { readJSONBody } from '../../http/request-body.ts';
import { assertAllowed, type Principal } from '../../security/principal.ts';
import { seenImages } from '../../security/seen-images.ts';
import { type Sight, sightOf } from '../../security/sight.ts';
import { type JobService, noSuchJob } from '../job-service.ts';
import type { JobOptions, JobPriority, JobRecord, JobSource } from '../record/job.ts';
import { positionOf } from '../record/job-index.ts';
import { repositoriesOf } from '../record/job-repositories.ts';
import { viewOf } from '../record/job-view.ts';
import { registrySourceIn, resolveRegistrySource } from '../run/registry-source.ts';
import type { Auths } from '../run/sealed-credentials.ts';
import { takeUpload, uploadArchive } from '../uploads/upload-archive.ts';
import type { ApiParameter, ApiRoute } from './api-route.ts';
import { followJob } from './follow-job.ts';
import { archiveQuery, jobSchemas, listQuery, type Schema, waitQuery } from './job-schemas.ts';
import { validated } from './validate.ts';

interface SubmitOptions {
  readonly priority?: JobPriority | undefined;
  readonly allTags?: boolean | undefined;
  readonly credentialsName?: string | undefined;
}

interface SubmitBody extends JobOptions, SubmitOptions {
  readonly image?: string | undefined;
  readonly upload?: string | undefined;
  readonly labels?: Readonly<Record<string, string>> | undefined;
  readonly webhook?: { readonly url: string; readonly secret?: string | undefined } | undefined;
  readonly destinations: readonly string[];
  readonly credentials?: Readonly<Record<string, AuthConfig>> | undefined;
}

interface RetryBody {
  readonly credentials?: Readonly<Record<string, AuthConfig>> | undefined;
}

interface ArchiveQuery extends JobOptions, SubmitOptions {
  readonly destination: readonly string[];
  readonly image?: string | undefined;
  readonly label?: readonly string[] | undefined;
  readonly webhook?: string | undefined;
  readonly wait?: string | undefined;
}

interface ListQuery {
  readonly label?: readonly string[] | undefined;
  readonly state?: readonly string[] | undefined;
  readonly destination?: string | undefined;
  readonly principal?: string | undefined;
  readonly limit?: number | undefined;
  readonly before?: string | undefined;
}

const maxBodyBytes = 1024 * 1024;
const maxKeyChars = 255;
const longestWaitMs = 5 * 60_000;

const idParameter: ApiParameter = {
  name: 'id',
  in: 'path',
  required: true,
  schema: { type: 'string', pattern: '^[0-9a-f]{24}$' },
  description: 'As the submission answered.',
};
const keyParameter: ApiParameter = {
  name: 'Idempotency-Key',
  in: 'header',
  required: false,
  schema: { type: 'string', minLength: 1, maxLength: maxKeyChars },
  description:
    'Chosen by the client. The same key again means the same job: a request that was cut off can be repeated.',
};
const authParameter: ApiParameter = {
  name: 'X-Registry-Config',
  in: 'header',
  required: false,
  schema: { type: 'string' },
  description:
    'Base64url of JSON: credentials by registry, as in `credentials` of a JobRequest; docker build sends the same.',
};
const secretParameter: ApiParameter = {
  name: 'X-Slipway-Webhook-Secret',
  in: 'header',
  required: false,
  schema: { type: 'string', minLength: 16, maxLength: 512 },
  description: 'As `secret` of a WebhookRequest.',
};
const submitted = {
  201: { description: 'The job is kept, and will be worked on.', schema: 'Job' },
  200: { description: 'It was submitted before, with this idempotency key.', schema: 'Job' },
} as const;

type JobNeeds = Pick<
  EngineContext,
  'config' | 'activity' | 'disk' | 'spoolFolder' | 'audit' | 'store' | 'pushes' | 'egress'
>;

/** Submission, status, events, cancellation, list: `/slipway/v1/jobs`. */
export function jobRoutes(context: JobNeeds, jobs: JobService): readonly ApiRoute[] {
  const { idleTimeoutMs } = context.config;

  /** What the source holds is the job's from here on, or nobody's: of a repeated request, the first one's is there. */
  const submit = async (request: FastifyRequest, submission: Submission): ReturnType<JobService['submit']> => {
    let isTaken = false;
    try {
      const idempotencyKey = idempotencyKeyOf(request);
      const submitted = await jobs.submit({ ...submission, principal: request.principal.name, idempotencyKey });
      isTaken = submitted.isNew;
      return submitted;
    } finally {
      if (!isTaken) await jobs.sources.release(submission.source);
    }
  };

  /** What a job is about is known now, rather than a failed job later. */
  const sourceOf = async (
    { image = '', allTags = false, credentialsName }: SubmitBody,
    auths: Auths,
    principal: Principal,
    signal: AbortSignal,
  ): Promise<JobSource> => {
    const named = registrySourceIn(image, principal);
    if (named !== undefined) {
      context.egress.assertRegistry(named.reference.registry);
      const shown =
        credentialsName === undefined ? auths : await jobs.namedAuths(credentialsName, [named.reference.registry]);
      return await resolveRegistrySource(named, { pushes: context.pushes, auths: shown, allTags, signal });
    }
    const seen = seenImages(context.store, principal);
    if (!allTags) await seen.use(image); // what is not seen is not there
    const isSeen = sightOf(principal).repository;
    const source = allTags
      ? await jobs.sources.holdTags(parseReference(image), { isSeen })
      : await jobs.sources.hold(image);
    try {
      // A name may have moved in between: what counts is the content that is held.
      const held = source.kind === 'images' ? source.held : [source];
      for (const { content } of held) await seen.use(content.id);
      return source;
    } catch (error) {
      await jobs.sources.release(source);
      throw error;
    }
  };

  const answer = async (
    reply: FastifyReply,
    request: FastifyRequest,
    { wait, ...submission }: Submission & { readonly wait?: string | undefined },
  ): Promise<unknown> => {
    const { job, isNew } = await submit(request, submission);
    context.audit.write({
      action: 'job',
      principal: request.principal.name,
      outcome: 'done',
      subject: submission.destinations.join(' '),
      remote: request.raw.socket.remoteAddress,
      requestId: request.id,
      details: { job: job.id, isNew },
    });
    reply.header('location', `/slipway/v1/jobs/${job.id}`);
    return sendJSON(reply, viewOf(await waited(reply, job, wait)), isNew ? 201 : 200);
  };

  /** A job that is not seen is not there. */
  const seenJob = async (request: FastifyRequest): Promise<JobRecord> => {
    const job = await jobs.get(idOf(request));
    const isSeen = sightOf(request.principal).work({ principal: job.principal, repositories: repositoriesOf(job) });
    if (!isSeen) throw noSuchJob(job.id);
    return job;
  };

  const waited = async (reply: FastifyReply, job: JobRecord, wait: string | undefined): Promise<JobRecord> => {
    const timeoutMs = Math.min(wait === undefined ? 0 : (duration.read(wait) ?? 0), longestWaitMs);
    if (timeoutMs === 0) return job;
    const closing = new AbortController();
    using _leave = { [Symbol.dispose]: context.activity.onClosing(() => closing.abort()) };
    using client = watchClient(reply.raw, closing.signal);
    return await jobs.waitFor(job.id, { timeoutMs, signal: client.signal });
  };

  return [
    {
      method: 'POST',
      path: '/slipway/v1/jobs',
      operation: 'submitJob',
      summary: 'Push an image of the store, or of another registry',
      description:
        'What the name means now is pushed, whatever it means when the job runs: an image of the store is held, ' +
        'a `docker://` reference is resolved to its digest.',
      access: 'handler',
      parameters: [keyParameter],
      query: waitQuery,
      body: { contentTypes: ['application/json'], schema: 'JobRequest' },
      failures: [404, 409, 422, 502, 504, 507],
      responses: submitted,
      async handle(request, reply) {
        const value = await readJSONBody(request.raw, { idleTimeoutMs, maxBytes: maxBodyBytes });
        const body = validated<SubmitBody>('body', jobSchemas['JobRequest'] as Schema, value);
        const settings = settingsOf(body, context);
        const destinations = allowedDestinations(body.destinations, body, request.principal, context);
        const auths = authsOf(body.credentials ?? {});
        if (auths.size > 0 && body.credentialsName !== undefined) {
          throw new RequestError(400, 'invalid request: credentials and credentialsName exclude each other');
        }
        using client = watchClient(reply.raw, new AbortController().signal);
        const { webhook, labels, priority, upload } = body;
        const { wait } = validated<{ readonly wait?: string }>('query', waitQuery, { ...(request.query as object) });
        if (webhook !== undefined) jobs.assertWebhook(webhook.url);
        if (body.image === undefined && upload === undefined) {
          throw new RequestError(400, 'invalid request: body must have required property image, or upload');
        }
        const about =
          upload === undefined
            ? { source: await sourceOf(body, auths, request.principal, client.signal) }
            : await takeUpload(context, jobs, { ...body, upload, principal: request.principal.name });
        return await answer(reply, request, {
          ...{ ...about, destinations, auths, webhook, labels, priority, wait, ...settings },
        });
      },
    },
    {
      method: 'POST',
      path: '/slipway/v1/jobs/archive',
      operation: 'submitArchive',
      summary: 'Push an archive that comes with the request',
      description:
        'A docker-archive or OCI archive, plain or compressed. It is kept until the job ends, and does not ' +
        'enter the image store.',
      access: 'handler',
      parameters: [keyParameter, authParameter, secretParameter],
      query: archiveQuery,
      body: {
        contentTypes: ['application/x-tar', 'application/octet-stream'],
        schema: { type: 'string', format: 'binary' },
      },
      failures: [408, 413, 422, 507],
      responses: submitted,
      async handle(request, reply) {
        const query = validated<ArchiveQuery>('query', archiveQuery, { ...(request.query as object) });
        const settings = settingsOf(query, context);
        const webhook = webhookIn(query, request);
        if (webhook !== undefined) jobs.assertWebhook(webhook.url);
        const { priority, wait, label = [] } = query;
        const labels = label.length === 0 ? undefined : Object.fromEntries(label.map(labelIn));
        const destinations = allowedDestinations(query.destination, query, request.principal, context);
        const auths = authsOf(registryConfigOf(request));
        return await audited(context, request, { action: 'load', subject: 'archive of a job' }, async () => {
          const archive = await uploadArchive(
            context,
            { folder: jobs.sources.archiveFolder, image: query.image, allTags: query.allTags === true },
            request,
            reply,
          );
          return await answer(reply, request, {
            ...{ ...archive, destinations, auths, webhook, labels, priority, wait, ...settings },
          });
        });
      },
    },
    {
      method: 'GET',
      path: '/slipway/v1/jobs',
      operation: 'listJobs',
      summary: 'Jobs, newest first',
      access: 'read',
      query: listQuery,
      responses: { 200: { description: 'One page.', schema: 'JobList' } },
      async handle(request, reply) {
        const query = validated<ListQuery>('query', listQuery, { ...(request.query as object) });
        return sendJSON(reply, await pageOf(jobs, query, sightOf(request.principal)));
      },
    },
    {
      method: 'GET',
      path: '/slipway/v1/jobs/{id}',
      operation: 'getJob',
      summary: 'How a job is doing',
      access: 'read',
      parameters: [idParameter],
      query: waitQuery,
      failures: [404],
      responses: { 200: { description: 'The job.', schema: 'Job' } },
      async handle(request, reply) {
        const { wait } = validated<{ readonly wait?: string }>('query', waitQuery, { ...(request.query as object) });
        return sendJSON(reply, viewOf(await waited(reply, await seenJob(request), wait)));
      },
    },
    {
      method: 'GET',
      path: '/slipway/v1/jobs/{id}/events',
      operation: 'followJob',
      summary: 'What happens to a job, as server-sent events',
      description:
        'First what has happened, then what happens; the stream ends with `job:finished`. The name of an ' +
        'event is its type, its data a JobEvent, its id the `seq`.',
      access: 'read',
      parameters: [
        idParameter,
        {
          name: 'Last-Event-ID',
          in: 'header',
          required: false,
          schema: { type: 'integer', minimum: 0 },
          description: 'Go on after this event.',
        },
      ],
      failures: [404],
      responses: { 200: { description: 'JobEvents.', contentType: 'text/event-stream', schema: 'JobEvent' } },
      async handle(request, reply) {
        const job = await seenJob(request);
        const after = /^\d{1,9}$/.exec(String(request.headers['last-event-id'] ?? '0'))?.[0];
        if (after === undefined) throw new RequestError(400, 'invalid Last-Event-ID: expected a whole number');
        reply.hijack();
        const { onClosing } = context.activity;
        const sight = sightOf(request.principal);
        await followJob(job.id, Number(after), reply.raw, { jobs, onClosing, sight });
      },
    },
    {
      method: 'POST',
      path: '/slipway/v1/jobs/{id}/cancel',
      operation: 'cancelJob',
      summary: 'Stop a job at a safe point',
      description: 'Destinations that were pushed before stay pushed. A job that has ended stays as it is.',
      access: 'handler',
      parameters: [idParameter],
      failures: [404],
      responses: { 202: { description: 'It is asked to stop; `state` tells whether it has.', schema: 'Job' } },
      async handle(request, reply) {
        const job = await seenJob(request);
        assertMayEnd(request.principal, job);
        const cancel = async (): Promise<JobRecord> => await jobs.cancel(job.id);
        return sendJSON(
          reply,
          viewOf(await audited(context, request, { action: 'job', subject: `cancel ${job.id}` }, cancel)),
          202,
        );
      },
    },
    {
      method: 'POST',
      path: '/slipway/v1/jobs/{id}/retry',
      operation: 'retryJob',
      summary: 'Run a failed job again',
      description:
        'For the destinations that it has not reached, with the content that was submitted: nothing has to ' +
        'be uploaded again. What a failed job pushes is kept for `--job-retention`.',
      access: 'handler',
      parameters: [idParameter],
      body: { contentTypes: ['application/json'], schema: 'RetryRequest', isOptional: true },
      failures: [404, 409],
      responses: { 202: { description: 'It is queued.', schema: 'Job' } },
      async handle(request, reply) {
        const job = await seenJob(request);
        assertMayChange(request.principal, job);
        const value = (await readJSONBody(request.raw, { idleTimeoutMs, maxBytes: maxBodyBytes })) ?? {};
        const body = validated<RetryBody>('body', jobSchemas['RetryRequest'] as Schema, value);
        const auths = authsOf(body.credentials ?? {});
        const retry = (): Promise<JobRecord> => jobs.retry(job.id, { principal: request.principal.name, auths });
        const retried = await audited(context, request, { action: 'job', subject: `retry ${job.id}` }, retry);
        return sendJSON(reply, viewOf(retried), 202);
      },
    },
    {
      method: 'DELETE',
      path: '/slipway/v1/jobs/{id}',
      operation: 'forgetJob',
      summary: 'Forget a job that has ended, and its events',
      access: 'handler',
      parameters: [idParameter],
      failures: [404, 409],
      responses: { 204: { description: 'It is forgotten.' } },
      async handle(request, reply) {
        const job = await seenJob(request);
        assertMayEnd(request.principal, job);
        await audited(context, request, { action: 'job', subject: `forget ${job.id}` }, () => jobs.forget(job.id));
        return await reply.code(204).send();
      },
    },
  ];
}

type Submission = Omit<Parameters<JobService['submit']>[0], 'principal' | 'idempotencyKey'>;

function idOf({ params }: FastifyRequest): string {
  const { id = '' } = params as { readonly id?: string };
  if (!/^[0-9a-f]{24}$/.test(id)) throw new RequestError(404, 'no such job');
  return id;
}

function idempotencyKeyOf({ headers }: FastifyRequest): string | undefined {
  const key = headers['idempotency-key'];
  if (key === undefined) return undefined;
  if (typeof key !== 'string' || key === '' || key.length > maxKeyChars) {
    throw new RequestError(400, `invalid Idempotency-Key: expected 1 to ${maxKeyChars} characters`);
  }
  return key;
}

/** @throws {RequestError} 403; {@link parseDestinations}' error */
function allowedDestinations(
  texts: readonly string[],
  { allTags }: SubmitOptions,
  principal: Principal,
  { egress }: Pick<JobNeeds, 'egress'>,
): readonly string[] {
  const references = parseDestinations(texts, { allTags });
  for (const reference of references) {
    assertAllowed(principal, { kind: 'push', repository: canonicalName(reference) });
    egress.assertRegistry(reference.registry);
  }
  return [...new Set(references.map(formatReference))];
}

/** One's own job may be ended in any case. */
function assertMayEnd(principal: Principal, job: JobRecord): void {
  if (job.principal !== principal.name) assertMayChange(principal, job);
}

/** Whoever may push to all destinations may stop that, and have it tried again. */
function assertMayChange(principal: Principal, { destinations, repositories = [] }: JobRecord): void {
  for (const reference of [...destinations.map((each) => each.reference), ...repositories]) {
    assertAllowed(principal, { kind: 'job', repository: canonicalName(parseReference(reference)) });
  }
}

/** `NAME=VALUE` */
function labelIn(text: string): readonly [string, string] {
  const at = text.indexOf('=');
  return [text.slice(0, at), text.slice(at + 1)];
}

function webhookIn({ webhook: url }: ArchiveQuery, { headers }: FastifyRequest): SubmitBody['webhook'] {
  if (url === undefined) return undefined;
  const secret = headers['x-slipway-webhook-secret'];
  const webhook = secret === undefined ? { url } : { url, secret };
  return validated('body', jobSchemas['WebhookRequest'] as Schema, webhook);
}

const settingNames = Object.keys(settingSchemasOf('job'));

/** @throws {RequestError} 400 when they do not fit together */
function settingsOf(
  request: JobOptions & SubmitOptions,
  { pushes }: Pick<JobNeeds, 'pushes'>,
): { readonly options: JobOptions; readonly credentialsName: string | undefined } {
  const { credentialsName } = request;
  const chosen = settingNames.filter((name) => request[name] !== undefined).map((name) => [name, request[name]]);
  const options: JobOptions = Object.fromEntries(chosen);
  pushes.choices('job', options);
  return { options, credentialsName };
}

function authsOf(credentials: Readonly<Record<string, unknown>>): ReadonlyMap<string, AuthConfig> {
  return new Map(Object.entries(credentials).map(([registry, auth]) => [registry, authConfigOf(auth)]));
}

/** @throws {RequestError} 400, without what the header says */
function registryConfigOf({ headers }: FastifyRequest): Readonly<Record<string, unknown>> {
  const header = headers['x-registry-config'];
  if (header === undefined) return {};
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(String(header), 'base64url').toString('utf8'));
  } catch {
    throw new RequestError(400, 'invalid X-Registry-Config: expected base64url of JSON');
  }
  const { properties } = jobSchemas['JobRequest'] as { readonly properties: Readonly<Record<string, Schema>> };
  return validated('body', properties['credentials'] as Schema, value);
}

/** Reads no more jobs than the page has, but for those that `destination` leaves out. */
async function pageOf(
  { store, index }: Pick<JobService, 'store' | 'index'>,
  { state, destination, principal, label = [], limit = 100, before }: ListQuery,
  sight: Sight,
): Promise<unknown> {
  const page: JobRecord[] = [];
  for (const entry of index.newest(before)) {
    if (state !== undefined && !state.includes(entry.state)) continue;
    if (!sight.work(entry) || (principal !== undefined && entry.principal !== principal)) continue;
    const job = await store.get(entry.id);
    if (job === undefined) continue;
    if (destination !== undefined && !job.destinations.some(({ reference }) => reference.startsWith(destination))) {
      continue;
    }
    if (!label.map(labelIn).every(([name, value]) => job.labels?.[name] === value)) continue;
    const last = page.at(-1);
    if (page.length === limit && last !== undefined) return { jobs: page.map(viewOf), next: positionOf(last) };
    page.push(job);
  }
  return { jobs: page.map(viewOf) };
}
