import type { LiveChannel } from '../queue/live-channel.ts';
import type { JobRecord } from '../record/job.ts';
import type { JobIndex } from '../record/job-index.ts';
import type { JobStore } from '../record/job-store.ts';
import type { DaemonRoster } from '../roster/daemon-roster.ts';
import type { JobSources } from '../run/job-sources.ts';
import type { Auths } from '../run/sealed-credentials.ts';
import type { Uploads } from '../uploads/uploads.ts';
import type { JobRequest } from './new-job.ts';
import type { RetryOptions } from './retry-job.ts';

/** Push jobs, from their submission to their history. */
export interface JobService extends AsyncDisposable {
  readonly store: JobStore;
  /** What this daemon is called in the jobs that it works on. */
  readonly daemon: string;
  /** The daemons that share these jobs. */
  readonly roster: Pick<DaemonRoster, 'list'>;
  /** All jobs at a glance. */
  readonly index: JobIndex;
  readonly channel: LiveChannel;
  /** What jobs push. A request owns what it holds until `submit` has taken it. */
  readonly sources: JobSources;
  /**
   * `isNew` is false for a repeated request. An upload that it was made of goes then; a refused one leaves it.
   * @throws {RequestError} 422 when the idempotency key was used for something else; 503
   */
  submit(request: JobRequest): Promise<{ readonly job: JobRecord; readonly isNew: boolean }>;
  /**
   * The job that an earlier request with the same idempotency key has made of the same upload.
   * @throws {RequestError} 422 when the rest of it was another request; 503
   */
  repeatedUpload(request: Omit<JobRequest, 'source' | 'contentHash'>): Promise<JobRecord | undefined>;
  /** Asks for the end of a job; one that ended already stays as it is. @throws {RequestError} 404 */
  cancel(id: string): Promise<JobRecord>;
  /**
   * Lets a failed job run again, for the destinations that it has not reached.
   *
   * @throws {RequestError} 404; 409 when it has not failed, or what it pushes is kept no more; 400 when it came with
   *   credentials, which were dropped, and none come with the retry
   */
  retry(id: string, options: RetryOptions): Promise<JobRecord>;
  /** Forgets a job that has ended. @throws {RequestError} 404, 409 */
  forget(id: string): Promise<void>;
  /** Credentials of the daemon's configuration. @throws {RequestError} 400 when there are none of this name */
  namedAuths(name: string, registries: readonly string[]): Promise<Auths>;
  /** @throws {RequestError} 404 */
  get(id: string): Promise<JobRecord>;
  /** Archives that come in parts. */
  readonly uploads: Uploads;
  /** @throws {RequestError} 400, 403 for a webhook that is not allowed */
  assertWebhook(url: string): void;
  /** The job once it has ended, or as it stands when the time is up. @throws {RequestError} 404 */
  waitFor(id: string, options: { readonly timeoutMs: number; readonly signal: AbortSignal }): Promise<JobRecord>;
  /** Hands out no further job, so that the running ones can be waited for. */
  pause(): Promise<void>;
}
