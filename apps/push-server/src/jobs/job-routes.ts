import type { AuthConfig } from '@slipway/docker-credentials';
import { parsePlatform } from '@slipway/manifest';
import { canonicalName, formatReference, parseReference, type Reference, withDefaultTag } from '@slipway/reference';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { sendJSON } from '../docker/send-json.ts';
import type { EngineContext } from '../engine/engine-context.ts';
import { assertPushSettings, type PushSettings, pushSettingSchemas } from '../engine/push-settings.ts';
import { authConfigOf } from '../engine/registry-auth.ts';
import { RequestError } from '../errors.ts';
import { audited } from '../http/audited.ts';
import { readJSONBody } from '../http/request-body.ts';
import { assertSource } from '../security/assert-source.ts';
import { assertAllowed, type Principal } from '../security/principal.ts';
import type { ApiParameter, ApiRoute } from './api-route.ts';
import { followJob } from './follow-job.ts';
import type { JobOptions, JobRecord } from './job.ts';
import { positionOf } from './job-index.ts';
import { archiveQuery, jobSchemas, listQuery, type Schema } from './job-schemas.ts';
import type { JobService } from './job-service.ts';
import { viewOf } from './job-view.ts';
import { uploadArchive } from './upload-archive.ts';
import { validated } from './validate.ts';

interface SubmitBody extends JobOptions {
  readonly image: string;
  readonly destinations: readonly string[];
  readonly credentials?: Readonly<Record<string, AuthConfig>> | undefined;
  readonly credentialsName?: string | undefined;
}

interface RetryBody {
  readonly credentials?: Readonly<Record<string, AuthConfig>> | undefined;
}

interface ArchiveQuery extends JobOptions {
  readonly destination: readonly string[];
  readonly image?: string | undefined;
  readonly credentialsName?: string | undefined;
}

interface ListQuery {
  readonly state?: readonly string[] | undefined;
  readonly destination?: string | undefined;
  readonly principal?: string | undefined;
  readonly limit?: number | undefined;
  readonly before?: string | undefined;
}

const maxBodyBytes = 1024 * 1024;
const maxKeyChars = 255;

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
const submitted = {
  201: { description: 'The job is kept, and will be worked on.', schema: 'Job' },
  200: { description: 'It was submitted before, with this idempotency key.', schema: 'Job' },
} as const;

type JobNeeds = Pick<EngineContext, 'config' | 'activity' | 'disk' | 'spoolFolder' | 'audit' | 'store'>;

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

  const answer = async (reply: FastifyReply, request: FastifyRequest, submission: Submission): Promise<unknown> => {
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
    return sendJSON(reply, viewOf(job), isNew ? 201 : 200);
  };

  return [
    {
      method: 'POST',
      path: '/slipway/v1/jobs',
      operation: 'submitJob',
      summary: 'Push an image of the store',
      access: 'handler',
      parameters: [keyParameter],
      body: { contentTypes: ['application/json'], schema: 'JobRequest' },
      responses: submitted,
      async handle(request, reply) {
        const value = await readJSONBody(request.raw, { idleTimeoutMs, maxBytes: maxBodyBytes });
        const body = validated<SubmitBody>('body', jobSchemas['JobRequest'] as Schema, value);
        const destinations = allowedDestinations(body.destinations, request.principal);
        const settings = settingsOf(body);
        const auths = authsOf(body.credentials ?? {});
        if (auths.size > 0 && body.credentialsName !== undefined) {
          throw new RequestError(400, 'invalid request: credentials and credentialsName exclude each other');
        }
        const source = await jobs.sources.hold(body.image); // 404 now rather than a failed job later
        try {
          await assertSource(context.store, source.content.id, request.principal);
        } catch (error) {
          await jobs.sources.release(source);
          throw error;
        }
        return await answer(reply, request, { source, destinations, auths, ...settings });
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
      parameters: [keyParameter, authParameter],
      query: archiveQuery,
      body: {
        contentTypes: ['application/x-tar', 'application/octet-stream'],
        schema: { type: 'string', format: 'binary' },
      },
      responses: submitted,
      async handle(request, reply) {
        const query = validated<ArchiveQuery>('query', archiveQuery, { ...(request.query as object) });
        const destinations = allowedDestinations(query.destination, request.principal);
        const auths = authsOf(registryConfigOf(request));
        const settings = settingsOf(query);
        return await audited(context, request, { action: 'load', subject: 'archive of a job' }, async () => {
          const archive = await uploadArchive(
            context,
            { folder: jobs.sources.archiveFolder, image: query.image },
            request,
            reply,
          );
          return await answer(reply, request, { ...archive, destinations, auths, ...settings });
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
        return sendJSON(reply, await pageOf(jobs, query));
      },
    },
    {
      method: 'GET',
      path: '/slipway/v1/jobs/{id}',
      operation: 'getJob',
      summary: 'How a job is doing',
      access: 'read',
      parameters: [idParameter],
      responses: { 200: { description: 'The job.', schema: 'Job' } },
      handle: async (request, reply) => sendJSON(reply, viewOf(await jobs.get(idOf(request)))),
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
      responses: { 200: { description: 'JobEvents.', contentType: 'text/event-stream', schema: 'JobEvent' } },
      async handle(request, reply) {
        const job = await jobs.get(idOf(request));
        const after = /^\d{1,9}$/.exec(String(request.headers['last-event-id'] ?? '0'))?.[0];
        if (after === undefined) throw new RequestError(400, 'invalid Last-Event-ID: expected a whole number');
        reply.hijack();
        await followJob(job.id, Number(after), reply.raw, { jobs, onClosing: context.activity.onClosing });
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
      responses: { 202: { description: 'It is asked to stop; `state` tells whether it has.', schema: 'Job' } },
      async handle(request, reply) {
        const job = await jobs.get(idOf(request));
        assertMayChange(request.principal, job);
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
      responses: { 202: { description: 'It is queued.', schema: 'Job' } },
      async handle(request, reply) {
        const job = await jobs.get(idOf(request));
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
      responses: { 204: { description: 'It is forgotten.' } },
      async handle(request, reply) {
        const job = await jobs.get(idOf(request));
        assertMayChange(request.principal, job);
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

/** @throws {RequestError} 403; {@link parseReference}'s error */
function allowedDestinations(texts: readonly string[], principal: Principal): readonly string[] {
  const references = texts.map((text): Reference => {
    const reference = withDefaultTag(parseReference(text));
    if (reference.digest !== undefined) throw new RequestError(400, 'cannot push a digest reference');
    assertAllowed(principal, { kind: 'push', repository: canonicalName(reference) });
    return reference;
  });
  return [...new Set(references.map(formatReference))];
}

/** Whoever may push to all destinations may stop that. */
function assertMayChange(principal: Principal, job: JobRecord): void {
  for (const { reference } of job.destinations) {
    assertAllowed(principal, { kind: 'push', repository: canonicalName(parseReference(reference)) });
  }
}

function settingsOf(request: JobOptions & { readonly credentialsName?: string | undefined }): {
  readonly options: JobOptions;
  readonly credentialsName: string | undefined;
} {
  const { platform, credentialsName } = request;
  assertPlatform(platform);
  assertPushSettings(request);
  const names = Object.keys(pushSettingSchemas) as readonly (keyof PushSettings)[];
  const chosen = names.filter((name) => request[name] !== undefined).map((name) => [name, request[name]]);
  return { options: { platform, ...Object.fromEntries(chosen) }, credentialsName };
}

/** @throws {RequestError} 400 */
function assertPlatform(platform: string | undefined): void {
  try {
    if (platform !== undefined) parsePlatform(platform);
  } catch (cause) {
    throw new RequestError(400, (cause as Error).message, { cause });
  }
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
  { state, destination, principal, limit = 100, before }: ListQuery,
): Promise<unknown> {
  const page: JobRecord[] = [];
  for (const entry of index.newest(before)) {
    if (state !== undefined && !state.includes(entry.state)) continue;
    if (principal !== undefined && entry.principal !== principal) continue;
    const job = await store.get(entry.id);
    if (job === undefined) continue;
    if (destination !== undefined && !job.destinations.some(({ reference }) => reference.startsWith(destination))) {
      continue;
    }
    const last = page.at(-1);
    if (page.length === limit && last !== undefined) return { jobs: page.map(viewOf), next: positionOf(last) };
    page.push(job);
  }
  return { jobs: page.map(viewOf) };
}
