import type { IndexedJob } from '../jobs/record/job-index.ts';
import { viewOf } from '../jobs/record/job-view.ts';
import type { JobService } from '../jobs/service/job-service.ts';
import type { Sight } from '../security/sight.ts';

/** Jobs that the page lists beside those that wait or run. */
const maxHistory = 50;
/** Jobs that wait or run, at most; how many there are is told besides. */
const maxUnfinished = 100;
/** Jobs that are looked at for those which somebody sees who does not see all. */
const maxLooks = 10_000;

/** Of the jobs that are seen: those that run, the next that wait, and the last that ended. Only these are read. */
export async function statusJobs(
  { store, index }: Pick<JobService, 'store' | 'index'>,
  sight: Pick<Sight, 'work'>,
): Promise<readonly unknown[]> {
  const running = seen(index.newestOf('running'), sight, maxUnfinished);
  const queued = seen(index.oldestOf('queued'), sight, maxUnfinished - running.length).reverse();
  const ended = seen(index.newestOf('ended'), sight, maxHistory);
  const found = await Promise.all([...running, ...queued, ...ended].map(({ id }) => store.get(id)));
  return found.flatMap((job) => (job === undefined ? [] : [viewOf(job)]));
}

function seen(jobs: Iterable<IndexedJob>, sight: Pick<Sight, 'work'>, most: number): IndexedJob[] {
  const found: IndexedJob[] = [];
  let looks = 0;
  for (const job of most > 0 ? jobs : []) {
    looks += 1;
    if (sight.work(job)) found.push(job);
    if (found.length === most || looks === maxLooks) break;
  }
  return found;
}
