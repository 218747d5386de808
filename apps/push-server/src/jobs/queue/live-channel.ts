import type { JobEvent } from '../record/job.ts';

/** News of a job, for whoever follows it just now. What is missed is found in the job store. */
export type JobNews =
  /** Progress comes with its event; of what is kept, only that there is more. */
  | { readonly kind: 'event'; readonly job: string; readonly event: JobEvent }
  | { readonly kind: 'kept'; readonly job: string }
  | { readonly kind: 'cancel'; readonly job: string };

/** Carries news to every listener, in every daemon that shares the queue. */
export interface LiveChannel extends AsyncDisposable {
  publish(news: JobNews): void;
  /** Told of all news, until the function it gets back is called. */
  subscribe(listener: (news: JobNews) => void): () => void;
}

/** The channel of a daemon that is alone. */
export function createLocalChannel(): LiveChannel {
  const listeners = new Set<(news: JobNews) => void>();
  return {
    publish(news) {
      for (const listener of listeners) listener(news);
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    async [Symbol.asyncDispose]() {
      listeners.clear();
    },
  };
}
