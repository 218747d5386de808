import type { ServerConfig } from '../../config/server-config.ts';
import { isFinal, type JobRecord } from '../record/job.ts';
import type { JobIndex } from '../record/job-index.ts';
import type { JobStore } from '../record/job-store.ts';
import type { JobSources } from '../run/job-sources.ts';

/** Failed jobs that may wait for a retry, however few are remembered: each holds what it pushes. */
const minRetryable = 1_000;

export interface JobUpkeep {
  /** Drops what failed jobs kept for a retry once its time is up, and what no job needs. */
  tidy(): Promise<void>;
  /** Of the jobs that ended, only so many stay. */
  prune(): Promise<void>;
}

/** How long what has ended is kept. */
export function createJobUpkeep({
  store,
  index,
  sources,
  isShared,
  config,
}: {
  readonly store: JobStore;
  readonly index: JobIndex;
  readonly sources: JobSources;
  /** Other daemons change jobs too: what was missed of that is found by reading all of them. */
  readonly isShared: boolean;
  readonly config: Pick<ServerConfig, 'jobHistory' | 'jobRetentionMs'>;
}): JobUpkeep {
  const dropSource = async (job: JobRecord): Promise<void> => {
    let isDropped = false;
    await store.update(job.id, (current) => {
      isDropped = isFinal(current.state);
      return isDropped ? { ...current, isSourceKept: false } : current;
    });
    if (isDropped) await sources.release(job.source);
  };

  return {
    async tidy() {
      if (isShared) await store.list();
      const limit = new Date(Date.now() - config.jobRetentionMs).toISOString();
      const needed: JobRecord[] = [];
      for (const { id } of [...index.holding()]) {
        const job = await store.get(id);
        if (job === undefined) continue;
        if (!isFinal(job.state)) needed.push(job);
        else if (job.isSourceKept === true && (job.finishedAt ?? '') > limit) needed.push(job);
        else if (job.isSourceKept === true) await dropSource(job);
      }
      await sources.releaseOrphans(needed.map(({ source }) => source));
    },
    async prune() {
      for (const id of index.endedBeyond(config.jobHistory, Math.max(config.jobHistory, minRetryable))) {
        const job = await store.get(id);
        await store.delete(id);
        if (job !== undefined) await sources.release(job.source);
      }
    },
  };
}
