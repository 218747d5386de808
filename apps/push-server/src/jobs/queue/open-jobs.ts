import type { EngineContext } from '../../engine/engine-context.ts';
import type { JobService } from '../service/job-service.ts';
import { openJobService } from '../service/open-job-service.ts';
import { openLocalJobs } from './open-local-jobs.ts';

/** Opens the push jobs where the configuration wants them: in the data folder, or in the Redis that daemons share. */
export async function openJobs(context: EngineContext): Promise<JobService> {
  const { shared, store: images } = context;
  const { jobShares } = context;
  const backend =
    shared === undefined ? await openLocalJobs({ ...context, shares: jobShares }) : await shared.openJobs(jobShares);
  const jobs = await openJobService({ ...context, images, backend });
  context.activity.onClosing(() => void jobs.pause());
  return jobs;
}
