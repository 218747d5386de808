import { EndedJobs } from './ended-jobs.ts';
import { isFinal, type JobRecord, type JobState } from './job.ts';
import { repositoriesOf } from './job-repositories.ts';
import type { JobStore } from './job-store.ts';
import { OrderedJobs } from './ordered-jobs.ts';
import { type TaggingJob, TagOrder, tagsToMove } from './tag-order.ts';

/** What is known of a job without reading it. */
export interface IndexedJob extends TaggingJob {
  readonly state: JobState;
  readonly principal: string;
  /** Every repository that it names, canonical. */
  readonly repositories: readonly string[];
  /** It failed, and can be tried again. */
  readonly isSourceKept: boolean;
}

/** Jobs of a kind: those that nobody works on yet, those that somebody does, those that have ended. */
export type JobGroup = 'queued' | 'running' | 'ended';

/**
 * All jobs at a glance, so that counting, paging and looking costs what is taken of it, and reads no job. It is in
 * memory: some hundred bytes a job.
 */
export interface JobIndex {
  /** How many jobs there are; of those of one data folder, with `home`. */
  count(state: JobState, home?: string): number;
  get(id: string): IndexedJob | undefined;
  /** Newest first, from the one after `position` on. */
  newest(position?: string): Iterable<IndexedJob>;
  /** The same of one group. */
  newestOf(group: JobGroup): Iterable<IndexedJob>;
  oldestOf(group: JobGroup): Iterable<IndexedJob>;
  /** Jobs whose content is kept: for their push, or for another try. */
  holding(): Iterable<IndexedJob>;
  note(job: JobRecord): void;
  forget(id: string): void;
  /** Starts anew with these. */
  replace(jobs: readonly JobRecord[]): void;
  /** The id of a job of the same folder that was submitted before, and has a tag of this one still to move. */
  before(id: string): string | undefined;
  /** Jobs of a principal that have not ended. */
  unfinishedOf(principal: string): number;
  /**
   * Jobs that ended, where so many may stay, and besides so many that can be tried again: those of whoever has the
   * most, oldest first.
   */
  endedBeyond(keep: number, keepRetryable: number): readonly string[];
}

export function createJobIndex(): JobIndex {
  const byID = new Map<string, IndexedJob>();
  const counts = new Map<string, number>();
  const all = new OrderedJobs<IndexedJob>();
  const groups = {
    queued: new OrderedJobs<IndexedJob>(),
    running: new OrderedJobs<IndexedJob>(),
    ended: new OrderedJobs<IndexedJob>(),
  };
  const kept = new Map<string, IndexedJob>();
  const over = new EndedJobs();
  const retryable = new EndedJobs();
  const tagOrder = new TagOrder();
  const listsOf = ({ state }: IndexedJob): readonly OrderedJobs<IndexedJob>[] => [all, groups[groupOf(state)]];

  const endedOf = ({ isSourceKept }: IndexedJob): EndedJobs => (isSourceKept ? retryable : over);

  const count = ({ state, home, principal }: IndexedJob, by: number): void => {
    const keys = [state, `${state} ${home}`, ...(isFinal(state) ? [] : [ownKey(principal)])];
    for (const key of keys) {
      const next = (counts.get(key) ?? 0) + by;
      if (next === 0) counts.delete(key);
      else counts.set(key, next);
    }
  };
  const add = (entry: IndexedJob): void => {
    byID.set(entry.id, entry);
    if (entry.isSourceKept) kept.set(entry.id, entry);
    if (isFinal(entry.state)) endedOf(entry).set(entry);
    tagOrder.set(entry);
    count(entry, 1);
  };
  const forget = (id: string): void => {
    const known = byID.get(id);
    if (known === undefined) return;
    byID.delete(id);
    kept.delete(id);
    endedOf(known).delete(known);
    tagOrder.delete(known);
    count(known, -1);
    for (const list of listsOf(known)) list.delete(known);
  };

  return {
    get: (id) => byID.get(id),
    count: (state, home) => counts.get(home === undefined ? state : `${state} ${home}`) ?? 0,
    newest: (position) => all.newest(position),
    newestOf: (group) => groups[group].newest(),
    oldestOf: (group) => groups[group].oldest(),
    *holding() {
      yield* groups.queued.oldest();
      yield* groups.running.oldest();
      yield* kept.values();
    },
    note(job) {
      const entry = entryOf(job);
      forget(job.id);
      add(entry);
      for (const list of listsOf(entry)) list.set(entry);
    },
    forget,
    replace(jobs) {
      for (const map of [byID, counts, kept, over, retryable, tagOrder]) map.clear();
      for (const job of jobs.toReversed()) add(entryOf(job)); // oldest first, as they come newest first
      const entries = [...byID.values()];
      all.replace(entries);
      for (const [group, list] of Object.entries(groups)) {
        list.replace(entries.filter(({ state }) => groupOf(state) === group));
      }
    },
    before(id) {
      const entry = byID.get(id);
      return entry && tagOrder.before(entry);
    },
    unfinishedOf: (principal) => counts.get(ownKey(principal)) ?? 0,
    endedBeyond: (keep, keepRetryable) => [...over.beyond(keep), ...retryable.beyond(keepRetryable)],
  };
}

function ownKey(principal: string): string {
  return `unfinished of ${principal}`;
}

function groupOf(state: JobState): JobGroup {
  return state === 'queued' || state === 'running' ? state : 'ended';
}

function entryOf(job: JobRecord): IndexedJob {
  const { id, state, principal, createdAt, home, isSourceKept = false } = job;
  const repositories = repositoriesOf(job);
  return { id, state, principal, createdAt, home, isSourceKept, repositories, ...tagsToMove(job) };
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
    async deleteIf(id, condition) {
      const kept = await store.deleteIf(id, condition);
      if (kept === undefined) index.forget(id);
      return noted(kept);
    },
  };
}
