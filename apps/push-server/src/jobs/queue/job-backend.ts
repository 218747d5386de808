import type { JobStore } from '../record/job-store.ts';
import type { DaemonRoster } from '../roster/daemon-roster.ts';
import type { JobQueue } from './job-queue.ts';
import type { LiveChannel } from './live-channel.ts';

/** Where jobs are kept and handed out: embedded, or shared by several daemons. */
export interface JobBackend {
  /** For answers: fails soon when it cannot be used. */
  readonly store: JobStore;
  /** The same for work on jobs, which waits until it can be used. */
  readonly workStore: JobStore;
  /** Other daemons change jobs too. */
  readonly isShared: boolean;
  readonly queue: JobQueue;
  readonly channel: LiveChannel;
  readonly roster: DaemonRoster;
}
