import type { Logger } from 'pino';
import { principalShare } from '../../engine/activity.ts';
import { RequestError } from '../../errors.ts';
import type { QueuedJob } from '../queue/job-queue.ts';
import { isFinal, type JobRecord, type JobSource, type JobStep } from '../record/job.ts';
import type { JobIndex } from '../record/job-index.ts';
import type { JobStore } from '../record/job-store.ts';
import type { JobSources } from '../run/job-sources.ts';
import type { NamedCredentials } from '../run/named-credentials.ts';
import { type JobRequest, jobIDOf, type NewJobNeeds, newJob, requestHashOf, submissionToken } from './new-job.ts';

/** Unfinished jobs at once. */
const maxUnfinished = 10_000;
/** How many of them one principal may have. */
const maxOfOne = Math.ceil(maxUnfinished * principalShare);

export interface SubmitNeeds extends NewJobNeeds {
  readonly store: JobStore;
  /** The same store with the patience of work, not that of an answer. */
  readonly workStore: JobStore;
  readonly index: JobIndex;
  readonly sources: Pick<JobSources, 'release'>;
  readonly named: Pick<NamedCredentials, 'assertKnown'>;
  readonly log: Logger;
  step(id: string, what: JobStep): Promise<void>;
  enqueue(job: QueuedJob): Promise<void>;
}

/**
 * Keeps a job and queues it. `isNew` is false for a repeated request. What the request's source holds is the job's from
 * here on, or nobody's.
 *
 * @throws {RequestError} 422 when the idempotency key was used for something else; 503
 */
export async function submitJob(
  request: JobRequest,
  needs: SubmitNeeds,
): Promise<{ readonly job: JobRecord; readonly isNew: boolean }> {
  const { store, sources, log, step, enqueue } = needs;
  let isUnused = true;
  try {
    const job = checkedJob(request, needs);
    const create = async (): Promise<JobRecord> => {
      isUnused = false;
      const kept = await store.create(job).catch((error: unknown) => {
        withdraw(job, needs).catch((err) => log.warn({ err, job: job.id }, 'a job cannot be taken back'));
        throw error;
      });
      isUnused = kept !== job; // of a repeated request, what the first one held is there
      return kept;
    };
    const kept = await keep(job, create, store);
    const isNew = kept === job;
    if (isNew) {
      const onFailure = (err: unknown): void => log.warn({ err, job: job.id }, 'events are not kept');
      await step(job.id, { type: 'job:queued' }).catch(onFailure);
    }
    // Also of a repeated request: the first one may have been cut off between the two.
    if (!isFinal(kept.state)) await enqueue(kept);
    return { job: kept, isNew };
  } finally {
    if (isUnused) await sources.release(request.source);
  }
}

/**
 * The job that an earlier request with the same key has made of the same upload, which is gone since: this answer makes
 * up for that one's. Undefined when there is none, or its key was used with another upload, which has to be there then.
 *
 * @throws {RequestError} 422 when the rest of the request was another one; 503
 */
export async function repeatedUpload(
  request: Omit<JobRequest, 'source' | 'contentHash'>,
  { store, enqueue }: Pick<SubmitNeeds, 'store' | 'enqueue'>,
): Promise<JobRecord | undefined> {
  const { principal, idempotencyKey, upload } = request;
  if (idempotencyKey === undefined || upload === undefined) return undefined;
  const first = await store.get(jobIDOf(principal, idempotencyKey));
  if (first?.upload === undefined || first.upload.id !== upload.id) return undefined;
  const { source, requestHash } = first;
  const { image, contentHash } = first.upload;
  if (image !== upload.image || requestHashOf({ ...request, source, contentHash }) !== requestHash) throw keyUsed();
  const kept = await takenOver(first.id, submissionToken(), store);
  if (kept !== undefined && !isFinal(kept.state)) await enqueue(kept);
  return kept;
}

function checkedJob(request: JobRequest, needs: SubmitNeeds): JobRecord {
  const { index, named } = needs;
  if (index.count('queued') + index.count('running') >= maxUnfinished) {
    throw new RequestError(503, 'there are too many push jobs already');
  }
  const { credentialsName, principal } = request;
  if (index.unfinishedOf(principal) >= maxOfOne) {
    throw new RequestError(503, `there are too many push jobs of one client already: ${maxOfOne} of ${maxUnfinished}`);
  }
  if (credentialsName !== undefined) named.assertKnown(credentialsName);
  return newJob(request, needs);
}

/** The job, or the one that an earlier request with the same key has made: this answer makes up for that one's. */
async function keep(job: JobRecord, create: () => Promise<JobRecord>, store: JobStore): Promise<JobRecord> {
  const { id, requestHash, submission } = job;
  for (;;) {
    const first = await create();
    if (first === job) return job;
    if (first.requestHash !== requestHash) throw keyUsed();
    const taken = await takenOver(id, submission, store);
    if (taken !== undefined) return taken; // otherwise it was withdrawn just now
  }
}

/** A job that another request has made, answered for by this one from now on. */
async function takenOver(
  id: string,
  submission: string | undefined,
  store: Pick<JobStore, 'update'>,
): Promise<JobRecord | undefined> {
  return await store.update(id, (now) => (isFinal(now.state) ? now : { ...now, submission }));
}

function keyUsed(): RequestError {
  return new RequestError(422, 'the idempotency key was used for another request');
}

/**
 * A submission whose answer did not come in time must not be worked on: nobody would know of it. What it holds is let
 * go of afterwards, and not where a repeated request has taken the job over.
 */
async function withdraw(job: JobRecord, { workStore, sources }: SubmitNeeds): Promise<void> {
  const { id, submission, source } = job;
  const kept = await workStore.deleteIf(id, (now) => now.state === 'queued' && now.submission === submission);
  if (kept !== undefined && isSameSource(kept.source, source)) return;
  await sources.release(source);
}

/** Whether both hold the same by the same keys, which are made anew for each submission. */
function isSameSource(one: JobSource, other: JobSource): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}
