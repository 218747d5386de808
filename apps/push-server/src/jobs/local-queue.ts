import type { JobQueue, JobWork } from './job-queue.ts';

export interface LocalQueueOptions {
  readonly concurrency: number;
  /** How long a job that could not be worked on waits before it is tried again. @default 5000 */
  readonly againMs?: number | undefined;
}

/** The queue of one daemon: in memory, as the job store knows what was queued, in the order added. */
export function createLocalQueue({ concurrency, againMs = 5_000 }: LocalQueueOptions): JobQueue {
  const waiting = new Set<string>();
  const running = new Map<string, { readonly controller: AbortController; readonly ended: Promise<void> }>();
  const later = new Set<NodeJS.Timeout>();
  let work: JobWork | undefined;
  let isPaused = false;

  const next = (): void => {
    if (work === undefined || isPaused) return;
    for (const id of waiting) {
      if (running.size >= concurrency) return;
      waiting.delete(id);
      const controller = new AbortController();
      const ended = work(id, controller.signal)
        .catch(() => 'handed-over' as const) // work tells its failures itself
        .then((outcome) => {
          running.delete(id);
          if (outcome === 'handed-over') addLater(id);
          next();
        });
      running.set(id, { controller, ended });
    }
  };

  /** There is no other daemon to go on with it. */
  const addLater = (id: string): void => {
    if (work === undefined || isPaused) return;
    const timer = setTimeout(() => {
      later.delete(timer);
      waiting.add(id);
      next();
    }, againMs);
    timer.unref();
    later.add(timer);
  };

  return {
    async add({ id }) {
      if (running.has(id)) return;
      waiting.add(id);
      next();
    },
    async start(begin) {
      work = begin;
      next();
    },
    async remove({ id }) {
      waiting.delete(id);
    },
    async pause() {
      isPaused = true;
    },
    async [Symbol.asyncDispose]() {
      work = undefined;
      waiting.clear();
      for (const timer of later) clearTimeout(timer);
      const left = [...running.values()];
      for (const { controller } of left) controller.abort(new Error('the daemon is shutting down'));
      await Promise.all(left.map(({ ended }) => ended));
    },
  };
}
