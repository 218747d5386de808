import type { Sight } from '../../../security/sight.ts';
import type { JobRecord } from '../../record/job.ts';
import { viewOf } from '../../record/job-view.ts';
import { positionOf } from '../../record/ordered-jobs.ts';
import type { JobService } from '../../service/job-service.ts';
import { labelIn } from './submission.ts';

export interface ListQuery {
  readonly label?: readonly string[] | undefined;
  readonly state?: readonly string[] | undefined;
  readonly destination?: string | undefined;
  readonly principal?: string | undefined;
  readonly limit?: number | undefined;
  readonly before?: string | undefined;
}

/** Jobs that are read for one page, where filters leave out most of them. */
const maxReads = 1_000;

/**
 * Reads no more jobs than the page has, but for those that `destination` and `label` leave out, and of those no more
 * than so many: a page may have few jobs, or none, and another one after it.
 */
export async function pageOf(
  { store, index }: Pick<JobService, 'store' | 'index'>,
  { state, destination, principal, label = [], limit = 100, before }: ListQuery,
  sight: Sight,
): Promise<unknown> {
  const page: JobRecord[] = [];
  let reads = 0;
  let place: string | undefined; // of the last one that was read
  for (const entry of index.newest(before)) {
    if (state !== undefined && !state.includes(entry.state)) continue;
    if (!sight.work(entry) || (principal !== undefined && entry.principal !== principal)) continue;
    if (reads === maxReads) return { jobs: page.map(viewOf), next: place };
    const job = await store.get(entry.id);
    reads += 1;
    place = positionOf(entry);
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
