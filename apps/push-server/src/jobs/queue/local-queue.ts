import { priorities } from '../record/job.ts';
import type { JobQueue, JobWork, QueuedJob } from './job-queue.ts';
import type { JobShares } from './job-shares.ts';

export interface LocalQueueOptions {
  readonly shares: JobShares;
  /** How long a job that could not be worked on waits before it is tried again. @default 5000 */
  readonly againMs?: number | undefined;
}

/** The queue of one daemon: in memory, as the job store knows what was queued. */
export function createLocalQueue({ shares, againMs = 5_000 }: LocalQueueOptions): JobQueue {
  /** Each in its own order; the more urgent ones are looked at first. */
  const waiting = new Map(priorities.map((priority) => [priority, new Map<string, QueuedJob>()]));
  const lineOf = ({ priority = 'normal' }: QueuedJob): Map<string, QueuedJob> => waiting.get(priority)!;
  let mayBegin = (_id: string): boolean => true;
  function* inLine(): Generator<QueuedJob, void, void> {
    for (const line of waiting.values()) yield* line.values();
  }
  const running = new Map<string, { readonly controller: AbortController; readonly ended: Promise<void> }>();
  const later = new Set<NodeJS.Timeout>();
  let looking: NodeJS.Timeout | undefined;
  let work: JobWork | undefined;
  let isPaused = false;

  const next = (): void => {
    if (work === undefined || isPaused) return;
    for (let job = shares.pick(inLine(), isFirst); job !== undefined; job = shares.pick(inLine(), isFirst)) {
      lineOf(job).delete(job.id);
      begin(job, work);
    }
  };

  const isFirst = ({ id }: QueuedJob): boolean => {
    const may = mayBegin(id);
    if (!may) lookLater();
    return may;
  };

  const begin = (job: QueuedJob, run: JobWork): void => {
    const place = shares.take(job);
    const controller = new AbortController();
    const ended = run(job.id, controller.signal)
      .catch(() => 'handed-over' as const) // work tells its failures itself
      .then((outcome) => {
        running.delete(job.id);
        place[Symbol.dispose]();
        if (outcome === 'handed-over') addLater(job);
        next();
      });
    running.set(job.id, { controller, ended });
  };

  /** Whoever makes room for a job that may not begin tells so; what is missed is found by looking. */
  const lookLater = (): void => {
    looking ??= setTimeout(() => {
      looking = undefined;
      next();
    }, againMs).unref();
  };

  /** There is no other daemon to go on with it. */
  const addLater = (job: QueuedJob): void => {
    if (work === undefined || isPaused) return;
    const timer = setTimeout(() => {
      later.delete(timer);
      lineOf(job).set(job.id, job);
      next();
    }, againMs);
    timer.unref();
    later.add(timer);
  };

  return {
    async add(job) {
      if (running.has(job.id)) return;
      lineOf(job).set(job.id, job);
      next();
    },
    async start(run, may = mayBegin) {
      work = run;
      mayBegin = may;
      next();
    },
    look: next,
    async remove(job) {
      lineOf(job).delete(job.id);
    },
    async pause() {
      isPaused = true;
    },
    async [Symbol.asyncDispose]() {
      work = undefined;
      for (const line of waiting.values()) line.clear();
      for (const timer of later) clearTimeout(timer);
      clearTimeout(looking);
      const left = [...running.values()];
      for (const { controller } of left) controller.abort(new Error('the daemon is shutting down'));
      await Promise.all(left.map(({ ended }) => ended));
    },
  };
}
