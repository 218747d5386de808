import type { JobQueue, JobWork } from './job-queue.ts';

/** The queue of one daemon: in memory, as the job store knows what was queued, in the order added. */
export function createLocalQueue({ concurrency }: { readonly concurrency: number }): JobQueue {
  const waiting = new Set<string>();
  const running = new Map<string, { readonly controller: AbortController; readonly ended: Promise<void> }>();
  let work: JobWork | undefined;

  const next = (): void => {
    if (work === undefined) return;
    for (const id of waiting) {
      if (running.size >= concurrency) return;
      waiting.delete(id);
      const controller = new AbortController();
      const ended = work(id, controller.signal)
        .catch(() => {}) // work tells its failures itself
        .then(() => {
          running.delete(id);
          next();
        });
      running.set(id, { controller, ended });
    }
  };

  return {
    async add(id) {
      if (running.has(id)) return;
      waiting.add(id);
      next();
    },
    async start(begin) {
      work = begin;
      next();
    },
    async remove(id) {
      waiting.delete(id);
    },
    async pause() {
      work = undefined;
    },
    async [Symbol.asyncDispose]() {
      work = undefined;
      waiting.clear();
      const left = [...running.values()];
      for (const { controller } of left) controller.abort(new Error('the daemon is shutting down'));
      await Promise.all(left.map(({ ended }) => ended));
    },
  };
}
