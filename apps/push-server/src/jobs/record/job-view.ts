import { nameOf } from '../run/job-sources.ts';
import type { JobRecord } from './job.ts';

/** A job as clients see it: without credentials, hashes and files. */
export function viewOf(job: JobRecord): Readonly<Record<string, unknown>> {
  const { id, state, source, destinations, options, principal, createdAt, startedAt, finishedAt } = job;
  const { attempts, daemon, isCancelRequested, credentialsName, error, isSourceKept = false } = job;
  const { priority, labels, webhook } = job;
  return {
    id,
    state,
    image: nameOf(source),
    source: source.kind === 'images' ? 'image' : source.kind,
    imageID: source.kind === 'registry' ? undefined : source.content?.id,
    digest: source.content?.manifest,
    destinations,
    ...options,
    principal,
    createdAt,
    startedAt,
    finishedAt,
    attempts,
    daemon,
    isCancelRequested,
    canRetry: isSourceKept,
    credentialsName,
    priority,
    labels,
    webhook,
    error,
  };
}
