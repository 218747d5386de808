import { isFinal, type JobRecord, type JobRun } from '../record/job.ts';

/** A job that ends its daemon this often, each time alone and without progress, is to blame for it. */
export const maxDeaths = 5;

const firstWaitMs = 1_000;
const longestWaitMs = 60_000;

/**
 * Notes that the daemon which worked on a job is gone. The job waits again, as a suspect: it runs alone next. Only a
 * run that was alone and brought nothing forward counts against the job, as otherwise something else may have ended the
 * daemon.
 */
export function afterCrash(job: JobRecord): JobRecord {
  if (job.state !== 'running') return job;
  const { run, ...rest } = job;
  const counts = run?.isAlone === true && !run.hasProgress;
  const before = run?.hasProgress === true ? [] : (job.deaths ?? []);
  return {
    ...rest,
    state: 'queued',
    crashes: run?.hasProgress === true ? 1 : (job.crashes ?? 0) + 1,
    deaths: counts ? [...before, run.token] : before,
  };
}

/** Begins a run. A job that has ended, or was taken by another daemon meanwhile, stays as it is. */
export function begun(job: JobRecord, { run, daemon }: { readonly run: JobRun; readonly daemon: string }): JobRecord {
  if (isFinal(job.state) || job.state === 'running') return job;
  const startedAt = job.startedAt ?? run.startedAt;
  return { ...job, state: 'running', startedAt, attempts: job.attempts + 1, daemon, run };
}

/** A run has brought something forward: what happened before counts no more. */
export function withProgress(job: JobRecord, token: string): JobRecord {
  if (job.run?.token !== token || job.run.hasProgress) return job;
  return { ...job, crashes: undefined, deaths: undefined, run: { ...job.run, hasProgress: true } };
}

/** Others may run beside it from now on: if the daemon ends, this need not be why. */
export function notAlone(job: JobRecord, token: string): JobRecord {
  return job.run?.token === token ? { ...job, run: { ...job.run, isAlone: false } } : job;
}

/** The daemon stops in order and gives the job back, with what it has reached. That is no attempt. */
export function givenBack(
  job: JobRecord,
  { token, destinations }: Pick<JobRun, 'token'> & Pick<JobRecord, 'destinations'>,
): JobRecord {
  if (job.run?.token !== token || isFinal(job.state)) return job;
  const { run: _over, ...rest } = job;
  return { ...rest, state: 'queued', attempts: job.attempts - 1, destinations };
}

/** The daemon was out of reach and lost the job to another run, but lives: it was no attempt, and nothing died. */
export function afterLostLease(job: JobRecord, token: string): JobRecord {
  if (isFinal(job.state)) return job;
  const { destinations } = job;
  if (job.run?.token === token) return givenBack(job, { token, destinations }); // the other has not begun
  const deaths = (job.deaths ?? []).filter((each) => each !== token);
  const crashes = Math.max(0, (job.crashes ?? 0) - 1);
  return { ...job, attempts: Math.max(0, job.attempts - 1), deaths, crashes };
}

/** How long a job waits before its next run, counted from now: longer with each time in a row that its daemon ended. */
export function waitMsOf({ crashes = 0 }: Pick<JobRecord, 'crashes'>): number {
  return crashes === 0 ? 0 : Math.min(longestWaitMs, firstWaitMs * 2 ** (crashes - 1)) - firstWaitMs;
}
