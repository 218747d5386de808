import type { JobRecord, JobState } from './job.ts';
import { isFinal } from './job.ts';
import { repositoriesOf } from './job-repositories.ts';
import type { JobStore } from './job-store.ts';

/** What is known of a job without reading it. */
export interface IndexedJob {
  readonly id: string;
  readonly state: JobState;
  readonly principal: string;
  /** Every repository that it names, canonical. */
  readonly repositories: readonly string[];
  readonly createdAt: string;
  /** The data folder that has what it pushes. */
  readonly home: string;
}

/** All jobs at a glance, so that counting and paging does not read each of them. */
export interface JobIndex {
  /** How many jobs there are; of those of one data folder, with `home`. */
  count(state: JobState, home?: string): number;
  get(id: string): IndexedJob | undefined;
  /** Newest first, from the one after `position` on. */
  newest(position?: string): Iterable<IndexedJob>;
  note(job: JobRecord): void;
  forget(id: string): void;
  /** Starts anew with these. */
  replace(jobs: readonly JobRecord[]): void;
  /** Jobs that ended, beyond so many newest ones: oldest first. */
  endedBeyond(keep: number): readonly string[];
}

export function createJobIndex(): JobIndex {
  const byID = new Map<string, IndexedJob>();
  const counts = new Map<string, number>();
  let ordered: IndexedJob[] = []; // oldest first

  const count = ({ state, home }: Pick<IndexedJob, 'state' | 'home'>, by: number): void => {
    for (const key of [state, `${state} ${home}`]) counts.set(key, (counts.get(key) ?? 0) + by);
  };
  const forget = (id: string): void => {
    const known = byID.get(id);
    if (known === undefined) return;
    byID.delete(id);
    count(known, -1);
    ordered.splice(placeOf(ordered, positionOf(known)), 1);
  };
  const note = (job: JobRecord): void => {
    const entry = entryOf(job);
    const { id, createdAt } = entry;
    const known = byID.get(id);
    if (known?.createdAt === createdAt) {
      count(known, -1);
      ordered[placeOf(ordered, positionOf(known))] = entry;
    } else {
      forget(id);
      ordered.splice(placeOf(ordered, positionOf(entry)), 0, entry);
    }
    byID.set(id, entry);
    count(entry, 1);
  };

  return {
    get: (id) => byID.get(id),
    count: (state, home) => counts.get(home === undefined ? state : `${state} ${home}`) ?? 0,
    *newest(position) {
      const start = position === undefined ? ordered.length : placeOf(ordered, position);
      for (const entry of ordered.slice(0, start).reverse()) yield entry;
    },
    note,
    forget,
    replace(jobs) {
      byID.clear();
      counts.clear();
      ordered = [];
      for (const job of jobs) {
        const entry = entryOf(job);
        byID.set(job.id, entry);
        ordered.push(entry);
        count(entry, 1);
      }
      ordered.sort((a, b) => (positionOf(a) < positionOf(b) ? -1 : 1));
    },
    endedBeyond(keep) {
      const finals = ['pushed', 'planned', 'failed', 'cancelled'] as const;
      let surplus = finals.reduce((sum, state) => sum + (counts.get(state) ?? 0), 0) - keep;
      const found: string[] = [];
      for (const { id, state } of ordered) {
        if (surplus <= 0) break;
        if (!isFinal(state)) continue;
        found.push(id);
        surplus -= 1;
      }
      return found;
    },
  };
}

function entryOf(job: JobRecord): IndexedJob {
  const { id, state, principal, createdAt, home } = job;
  return { id, state, principal, createdAt, home, repositories: repositoriesOf(job) };
}

/** Where a job stands in the list. */
export function positionOf({ createdAt, id }: Pick<IndexedJob, 'createdAt' | 'id'>): string {
  return `${createdAt}_${id}`;
}

/** The store, with the index kept in step. */
export function indexedStore(store: JobStore, index: JobIndex): JobStore {
  const noted = <T extends JobRecord | undefined>(job: T): T => {
    if (job !== undefined) index.note(job);
    return job;
  };
  return {
    ...store,
    create: async (job) => noted(await store.create(job)),
    update: async (id, change) => noted(await store.update(id, change)),
    async list() {
      const jobs = await store.list();
      index.replace(jobs);
      return jobs;
    },
    async delete(id) {
      await store.delete(id);
      index.forget(id);
    },
  };
}

/** The first place whose job does not stand before `position`. */
function placeOf(ordered: readonly IndexedJob[], position: string): number {
  let low = 0;
  let high = ordered.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const entry = ordered[middle];
    if (entry !== undefined && positionOf(entry) < position) low = middle + 1;
    else high = middle;
  }
  return low;
}
