import { RequestError } from '../../errors.ts';
import type { JobDestination, JobRecord } from '../record/job.ts';
import { pushedOf } from '../run/run-notes.ts';
import type { Auths } from '../run/sealed-credentials.ts';
import { noSuchJob } from './no-such-job.ts';
import type { SubmitNeeds } from './submit-job.ts';

export interface RetryOptions {
  readonly principal: string;
  /** New ones, in place of those that were dropped, or of the named ones until it ends. */
  readonly auths: Auths;
}

/**
 * Lets a failed job run again, for the destinations that it has not reached.
 *
 * @throws {RequestError} 404; 409 when it has not failed, or what it pushes is kept no more; 400 when it came with
 *   credentials, which were dropped, and none come with the retry
 */
export async function retryJob(
  asked: JobRecord,
  { principal, auths }: RetryOptions,
  { store, seal, home, step, enqueue }: Pick<SubmitNeeds, 'store' | 'seal' | 'home' | 'step' | 'enqueue'>,
): Promise<void> {
  const { id } = asked;
  if (auths.size > 0 && asked.home !== home) {
    throw new RequestError(
      409,
      `job ${id} lies with another daemon: send its credentials to that one (${asked.daemon})`,
    );
  }
  if (!canRetry(asked)) throw cannotRetry(asked);
  if (asked.hadCredentials === true && asked.credentialsName === undefined && auths.size === 0) {
    throw new RequestError(400, `the credentials of job ${id} were dropped when it ended: send them once more`);
  }
  let isTaken = false;
  const sealed = auths.size === 0 ? undefined : seal.seal(id, auths);
  const job = await store.update(id, (current) => {
    isTaken = canRetry(current);
    if (!isTaken) return current;
    const { finishedAt: _at, endedBy: _by, error: _error, deaths: _deaths, crashes: _crashes, ...rest } = current;
    const again = (reference: string): JobDestination => ({ reference, state: 'pending' });
    const destinations =
      current.repositories === undefined
        ? current.destinations.map((each) => (each.state === 'pushed' ? each : again(each.reference)))
        : [...pushedOf(current), ...current.repositories.map(again)];
    const waiting = {
      state: 'queued',
      isSourceKept: false,
      isCancelRequested: false,
      sealedCredentials: sealed,
      webhook: current.webhook && ({ url: current.webhook.url, state: 'waiting', attempts: 0 } as const),
    } as const;
    return { ...rest, ...waiting, destinations };
  });
  if (job === undefined) throw noSuchJob(id);
  if (!isTaken) throw cannotRetry(job);
  await step(id, { type: 'job:retried', principal });
  await enqueue(job);
}

function canRetry({ state, isSourceKept }: JobRecord): boolean {
  return state === 'failed' && isSourceKept === true;
}

function cannotRetry({ id, state }: JobRecord): RequestError {
  const why = state === 'failed' ? 'what it pushes is kept no more: submit it anew' : `it is ${state}`;
  return new RequestError(409, `job ${id} cannot be retried: ${why}`);
}
