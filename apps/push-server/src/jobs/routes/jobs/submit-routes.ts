import { parseReference } from '@slipway/reference';
import { currentTrace, parseTraceContext } from '@slipway/tracing';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { sendJSON } from '../../../docker/stream/send-json.ts';
import type { EngineContext } from '../../../engine/engine-context.ts';
import { RequestError } from '../../../errors.ts';
import { audited } from '../../../http/audited.ts';
import { watchClient } from '../../../http/client-signal.ts';
import { readJSONBody } from '../../../http/request-body.ts';
import type { Principal } from '../../../security/principal.ts';
import { seenImages } from '../../../security/seen-images.ts';
import { sightOf } from '../../../security/sight.ts';
import type { JobSource } from '../../record/job.ts';
import { viewOf } from '../../record/job-view.ts';
import { assertRepository, registrySourceIn, resolveRegistrySource } from '../../run/registry-source.ts';
import type { Auths } from '../../run/sealed-credentials.ts';
import type { JobService } from '../../service/job-service.ts';
import type { JobRequest } from '../../service/new-job.ts';
import { archiveOfUpload, uploadArchive } from '../../uploads/upload-archive.ts';
import type { ApiRoute } from '../api-route.ts';
import { archiveQuery, jobSchemas, type Schema, waitQuery } from '../job-schemas.ts';
import { validated } from '../validate.ts';
import { authParameter, keyParameter, maxBodyBytes, secretParameter } from './job-parameters.ts';
import {
  type ArchiveQuery,
  allowedDestinations,
  idempotencyKeyOf,
  labelIn,
  registryConfigOf,
  type SubmitBody,
  settingsOf,
  submittedAuths,
  webhookIn,
} from './submission.ts';
import { waitForJob } from './wait-for-job.ts';

const submissionAnswers = {
  201: { description: 'The job is kept, and will be worked on.', schema: 'Job' },
  200: { description: 'It was submitted before, with this idempotency key.', schema: 'Job' },
} as const;

type SubmitNeeds = Pick<
  EngineContext,
  'config' | 'activity' | 'disk' | 'spoolFolder' | 'audit' | 'store' | 'pushes' | 'egress' | 'folder'
>;

/** What a request asks for, besides what shall be pushed. */
type Asked = Omit<JobRequest, 'source' | 'contentHash' | 'upload' | 'principal' | 'trace'>;

/** What makes a job: from an image of the store or of a registry, or from an archive. */
export function submitRoutes(context: SubmitNeeds, jobs: JobService): readonly ApiRoute[] {
  const { idleTimeoutMs } = context.config;

  /** Where this daemon does not trace, the one that works on the job may. */
  const submitterOf = (request: FastifyRequest): Pick<JobRequest, 'principal' | 'trace'> => ({
    principal: request.principal.name,
    trace: currentTrace() ?? parseTraceContext(request.headers),
  });

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
    return await unlessItHangs(() => storedSource({ image, allTags }, principal));
  };

  /** A source that comes after its request was refused is released. */
  const unlessItHangs = <T extends { readonly source: JobSource } | JobSource>(work: () => Promise<T>): Promise<T> =>
    context.folder.ask(work, (working) => {
      const letGo = (late: T): Promise<void> => jobs.sources.release('kind' in late ? late : late.source);
      working.then(letGo).catch(() => {}); // it failed: there is nothing to let go of
    });

  const storedSource = async (
    { image, allTags }: { readonly image: string; readonly allTags: boolean },
    principal: Principal,
  ): Promise<JobSource> => {
    const seen = seenImages(context.store, principal);
    const repository = allTags ? parseReference(image) : undefined;
    if (repository !== undefined) assertRepository(image, repository);
    else await seen.use(image); // what is not seen is not there
    const isSeen = sightOf(principal).repository;
    const source =
      repository === undefined ? await jobs.sources.hold(image) : await jobs.sources.holdTags(repository, { isSeen });
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

  const submit = async (
    reply: FastifyReply,
    request: FastifyRequest,
    submission: Omit<JobRequest, 'principal' | 'trace'>,
  ): ReturnType<JobService['submit']> => {
    if (reply.raw.writableEnded) {
      await jobs.sources.release(submission.source);
      throw new Error('unreachable by its client: it was told that the data folder hangs');
    }
    return await jobs.submit({ ...submission, ...submitterOf(request) });
  };

  /** What was submitted before is found without its upload, which is gone. */
  const submitUpload = async (
    reply: FastifyReply,
    request: FastifyRequest,
    { upload: id, image, allTags }: SubmitBody & { readonly upload: string },
    asked: Asked,
  ): ReturnType<JobService['submit']> => {
    const upload = { id, image };
    const submitter = submitterOf(request);
    const first = await jobs.repeatedUpload({ ...asked, upload, ...submitter });
    if (first !== undefined) return { job: first, isNew: false };
    const meant = { upload: id, image, allTags, principal: submitter.principal };
    const archive = await unlessItHangs(() => archiveOfUpload(context, jobs, meant));
    return await submit(reply, request, { ...asked, ...archive, upload });
  };

  const answer = async (
    reply: FastifyReply,
    request: FastifyRequest,
    { job, isNew }: Awaited<ReturnType<JobService['submit']>>,
    { destinations, wait }: Pick<Asked, 'destinations'> & { readonly wait: string | undefined },
  ): Promise<unknown> => {
    context.audit.write({
      action: 'job',
      principal: request.principal.name,
      outcome: 'done',
      subject: destinations.join(' '),
      remote: request.raw.socket.remoteAddress,
      requestId: request.id,
      details: { job: job.id, isNew },
    });
    reply.header('location', `/slipway/v1/jobs/${job.id}`);
    return sendJSON(
      reply,
      viewOf(await waitForJob(job, wait, reply, { activity: context.activity, jobs })),
      isNew ? 201 : 200,
    );
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
      responses: submissionAnswers,
      async handle(request, reply) {
        const idempotencyKey = idempotencyKeyOf(request);
        const value = await readJSONBody(request.raw, { idleTimeoutMs, maxBytes: maxBodyBytes });
        const body = validated<SubmitBody>('body', jobSchemas['JobRequest'] as Schema, value);
        const settings = settingsOf(body, context);
        const destinations = allowedDestinations(body.destinations, body, request.principal, context);
        const auths = submittedAuths(body.credentials ?? {}, body);
        using client = watchClient(reply.raw, new AbortController().signal);
        const { webhook, labels, priority, upload } = body;
        const { wait } = validated<{ readonly wait?: string }>('query', waitQuery, { ...(request.query as object) });
        if (webhook !== undefined) jobs.assertWebhook(webhook.url);
        if (body.image === undefined && upload === undefined) {
          throw new RequestError(400, 'invalid request: body must have required property image, or upload');
        }
        const asked = { idempotencyKey, destinations, auths, webhook, labels, priority, ...settings };
        const submitted =
          upload === undefined
            ? await submit(reply, request, {
                source: await sourceOf(body, auths, request.principal, client.signal),
                ...asked,
              })
            : await submitUpload(reply, request, { ...body, upload }, asked);
        return await answer(reply, request, submitted, { destinations, wait });
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
      needsFolder: true,
      parameters: [keyParameter, authParameter, secretParameter],
      query: archiveQuery,
      body: {
        contentTypes: ['application/x-tar', 'application/octet-stream'],
        schema: { type: 'string', format: 'binary' },
      },
      failures: [408, 413, 422, 507],
      responses: submissionAnswers,
      async handle(request, reply) {
        const idempotencyKey = idempotencyKeyOf(request);
        const query = validated<ArchiveQuery>('query', archiveQuery, { ...(request.query as object) });
        const settings = settingsOf(query, context);
        const webhook = webhookIn(query, request);
        if (webhook !== undefined) jobs.assertWebhook(webhook.url);
        const { priority, wait, label = [] } = query;
        const labels = label.length === 0 ? undefined : Object.fromEntries(label.map(labelIn));
        const destinations = allowedDestinations(query.destination, query, request.principal, context);
        const auths = submittedAuths(registryConfigOf(request), query);
        return await audited(context, request, { action: 'load', subject: 'archive of a job' }, async () => {
          const archive = await uploadArchive(
            context,
            { folder: jobs.sources.archiveFolder, image: query.image, allTags: query.allTags === true },
            request,
            reply,
          );
          const asked = { idempotencyKey, destinations, auths, webhook, labels, priority, ...settings };
          const submitted = await submit(reply, request, { ...archive, ...asked });
          return await answer(reply, request, submitted, { destinations, wait });
        });
      },
    },
  ];
}
