import type { Sight } from '../../../security/sight.ts';
import type { JobRecord } from '../../record/job.ts';
import { positionOf } from '../../record/job-index.ts';
import { viewOf } from '../../record/job-view.ts';
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

/** Reads no more jobs than the page has, but for those that `destination` leaves out. */
export async function pageOf(
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
