import type { JobRecord } from '../record/job.ts';

/** How work on a job ended: for good, or for another daemon (or the next start) to go on with. */
export type WorkOutcome = 'done' | 'handed-over';

/**
 * Works on one job. `signal` aborts when the job has to be let go of; the reason is {@link JobLost} where another has
 * it now.
 */
export type JobWork = (id: string, signal: AbortSignal) => Promise<WorkOutcome>;

/** What a queue has to know of a job. */
export type QueuedJob = Pick<JobRecord, 'id' | 'home' | 'principal' | 'destinations' | 'priority'> & {
  readonly source?: JobRecord['source'] | undefined;
};

/** Which job is worked on next, and by whom. What a job is stands in the job store. */
export interface JobQueue extends AsyncDisposable {
  /** Lets the job be worked on. Adding one that is there already does nothing. */
  add(job: QueuedJob): Promise<void>;
  /** Begins to hand jobs to `work`, so many at once; one that may not begin yet lets others go first. */
  start(work: JobWork, mayBegin?: (id: string) => boolean): Promise<void>;
  /** Something has happened that jobs may have waited for. */
  look(): void;
  /** Takes back a job that nobody works on yet. */
  remove(job: QueuedJob): Promise<void>;
  /** Hands out no further job. What runs goes on. */
  pause(): Promise<void>;
  /** Aborts what runs and waits for it; nothing is forgotten. */
  [Symbol.asyncDispose](): Promise<void>;
}

/** This daemon did not show for too long, and the job was given to another run, here or elsewhere. */
export class JobLost extends Error {
  override name = 'JobLost';
}
