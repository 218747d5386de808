import type { JobQueue } from './job-queue.ts';
import type { JobStore } from './job-store.ts';
import type { LiveChannel } from './live-channel.ts';

/** Where jobs are kept and handed out: embedded, or shared by several daemons. */
export interface JobBackend {
  readonly store: JobStore;
  readonly queue: JobQueue;
  readonly channel: LiveChannel;
}
