import type { Logger } from 'pino';
import { RequestError } from '../../errors.ts';
import type { QueuedJob } from '../queue/job-queue.ts';
import { isFinal, type JobRecord, type JobStep } from '../record/job.ts';
import type { JobIndex } from '../record/job-index.ts';
import type { JobStore } from '../record/job-store.ts';
import type { NamedCredentials } from '../run/named-credentials.ts';
import { type JobRequest, type NewJobNeeds, newJob } from './new-job.ts';

/** Unfinished jobs at once. */
const maxUnfinished = 10_000;

export interface SubmitNeeds extends NewJobNeeds {
  readonly store: JobStore;
  /** The same store with the patience of work, not that of an answer. */
  readonly workStore: JobStore;
  readonly index: JobIndex;
  readonly named: Pick<NamedCredentials, 'assertKnown'>;
  readonly log: Logger;
  step(id: string, what: JobStep): Promise<void>;
  enqueue(job: QueuedJob): Promise<void>;
}

/**
 * Keeps a job and queues it. `isNew` is false for a repeated request.
 *
 * @throws {RequestError} 422 when the idempotency key was used for something else; 503
 */
export async function submitJob(
  request: JobRequest,
  needs: SubmitNeeds,
): Promise<{ readonly job: JobRecord; readonly isNew: boolean }> {
  const { store, workStore, index, named, log, step, enqueue } = needs;
  if (index.count('queued') + index.count('running') >= maxUnfinished)
    throw new RequestError(503, 'there are too many push jobs already');
  const { credentialsName } = request;
  if (credentialsName !== undefined) named.assertKnown(credentialsName);
  const job = newJob(request, needs);
  const { id, requestHash, submission } = job;
  const kept = await store.create(job).catch((error: unknown) => {
    withdraw(workStore, job).catch((err) => log.warn({ err, job: id }, 'a job cannot be taken back'));
    throw error;
  });
  if (kept.requestHash !== requestHash) {
    throw new RequestError(422, 'the idempotency key was used for another request');
  }
  const isNew = kept === job;
  if (isNew) await step(id, { type: 'job:queued' });
  // This answer makes up for the first one's, should that not have reached its client.
  else await store.update(id, (current) => (isFinal(current.state) ? current : { ...current, submission }));
  // Also of a repeated request: the first one may have been cut off between the two.
  if (!isFinal(kept.state)) await enqueue(kept);
  return { job: kept, isNew };
}

/** A submission whose answer did not come in time must not be worked on: nobody would know of it. */
async function withdraw(workStore: JobStore, { id, submission }: JobRecord): Promise<void> {
  const job = await workStore.update(id, (current) =>
    current.state === 'queued' && current.submission === submission
      ? { ...current, state: 'cancelled', finishedAt: new Date().toISOString() }
      : current,
  );
  if (job !== undefined && job.submission === submission && job.state === 'cancelled') await workStore.delete(id);
}
