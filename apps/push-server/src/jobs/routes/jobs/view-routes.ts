import { sendJSON } from '../../../docker/stream/send-json.ts';
import type { EngineContext } from '../../../engine/engine-context.ts';
import { RequestError } from '../../../errors.ts';
import { sightOf } from '../../../security/sight.ts';
import { viewOf } from '../../record/job-view.ts';
import type { JobService } from '../../service/job-service.ts';
import type { ApiRoute } from '../api-route.ts';
import { listQuery, waitQuery } from '../job-schemas.ts';
import { validated } from '../validate.ts';
import { followJob } from './follow-job.ts';
import { type ListQuery, pageOf } from './job-page.ts';
import { idParameter } from './job-parameters.ts';
import { seenJob } from './seen-job.ts';
import { waitForJob } from './wait-for-job.ts';

/** What shows jobs: the list, one job, its events. */
export function viewRoutes(context: Pick<EngineContext, 'activity'>, jobs: JobService): readonly ApiRoute[] {
  return [
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
        return sendJSON(
          reply,
          viewOf(await waitForJob(await seenJob(request, jobs), wait, reply, { activity: context.activity, jobs })),
        );
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
        const job = await seenJob(request, jobs);
        const after = /^\d{1,9}$/.exec(String(request.headers['last-event-id'] ?? '0'))?.[0];
        if (after === undefined) throw new RequestError(400, 'invalid Last-Event-ID: expected a whole number');
        reply.hijack();
        const { onClosing } = context.activity;
        const sight = sightOf(request.principal);
        await followJob(job.id, Number(after), reply.raw, { jobs, onClosing, sight });
      },
    },
  ];
}
