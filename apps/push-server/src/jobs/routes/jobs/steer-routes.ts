import type { AuthConfig } from '@slipway/docker-credentials';
import { canonicalName, parseReference } from '@slipway/reference';
import { sendJSON } from '../../../docker/stream/send-json.ts';
import type { EngineContext } from '../../../engine/engine-context.ts';
import { audited } from '../../../http/audited.ts';
import { readJSONBody } from '../../../http/request-body.ts';
import { assertAllowed, type Principal } from '../../../security/principal.ts';
import type { JobRecord } from '../../record/job.ts';
import { viewOf } from '../../record/job-view.ts';
import type { JobService } from '../../service/job-service.ts';
import type { ApiRoute } from '../api-route.ts';
import { jobSchemas, type Schema } from '../job-schemas.ts';
import { validated } from '../validate.ts';
import { idParameter, maxBodyBytes } from './job-parameters.ts';
import { seenJob } from './seen-job.ts';
import { authsOf } from './submission.ts';

interface RetryBody {
  readonly credentials?: Readonly<Record<string, AuthConfig>> | undefined;
}

/** What changes a job that is there: cancel, retry, forget. */
export function steerRoutes(context: Pick<EngineContext, 'config' | 'audit'>, jobs: JobService): readonly ApiRoute[] {
  const { idleTimeoutMs } = context.config;
  return [
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
        const job = await seenJob(request, jobs);
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
        const job = await seenJob(request, jobs);
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
        const job = await seenJob(request, jobs);
        assertMayEnd(request.principal, job);
        await audited(context, request, { action: 'job', subject: `forget ${job.id}` }, () => jobs.forget(job.id));
        return await reply.code(204).send();
      },
    },
  ];
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
