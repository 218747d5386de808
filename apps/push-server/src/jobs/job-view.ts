import type { JobRecord } from './job.ts';
import { nameOf } from './job-runner.ts';

/** A job as clients see it: without credentials, hashes and files. */
export function viewOf(job: JobRecord): Readonly<Record<string, unknown>> {
  const { id, state, source, destinations, options, principal, createdAt, startedAt, finishedAt } = job;
  const { attempts, daemon, isCancelRequested, credentialsName, error } = job;
  return {
    id,
    state,
    image: nameOf(source),
    source: source.kind,
    destinations,
    ...options,
    principal,
    createdAt,
    startedAt,
    finishedAt,
    attempts,
    daemon,
    isCancelRequested,
    credentialsName,
    error,
  };
}
