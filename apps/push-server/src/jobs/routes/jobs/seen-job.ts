import type { FastifyRequest } from 'fastify';
import { sightOf } from '../../../security/sight.ts';
import type { JobRecord } from '../../record/job.ts';
import { repositoriesOf } from '../../record/job-repositories.ts';
import type { JobService } from '../../service/job-service.ts';
import { noSuchJob } from '../../service/no-such-job.ts';
import { idOf } from './job-parameters.ts';

/** The job that a request names. One that its principal does not see is not there. @throws {RequestError} 404 */
export async function seenJob(request: FastifyRequest, jobs: Pick<JobService, 'get'>): Promise<JobRecord> {
  const job = await jobs.get(idOf(request));
  const { principal } = job;
  if (sightOf(request.principal).work({ principal, repositories: repositoriesOf(job) })) return job;
  throw noSuchJob(job.id);
}
