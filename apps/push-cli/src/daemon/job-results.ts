import { canonicalName, parseReference } from '@slipway/reference';
import type { CommandContext } from '../command-context.ts';
import { CliError } from '../errors.ts';
import { exitCodeOf, exitCodes } from '../failure/exit-code.ts';
import { problemOf } from '../failure/problem.ts';
import { type Progress, systemClock } from '../progress/progress.ts';
import { writeResults } from '../results/write-results.ts';
import { isReached, type Job, type JobDestination, JobFailedError } from './job.ts';

/** Prints what became of a job that has ended, as `slipway push` prints its results, and sets the exit code. */
export async function reportJob(
  job: Job,
  {
    json,
    progress,
    context,
  }: { readonly json: boolean; readonly progress: Progress; readonly context: CommandContext },
): Promise<void> {
  progress[Symbol.dispose]();
  const pushed = job.destinations.filter(isReached);
  if (pushed.length > 0) progress.summarize(systemClock.now());
  const failures = job.destinations.flatMap((destination) => {
    const error = errorOf(job, destination);
    return error === undefined ? [] : [{ destination, error }];
  });
  for (const { destination, error } of failures) {
    progress.fail(error, job.destinations.length > 1 ? destination.reference : undefined);
  }
  const [first] = failures;
  if (first !== undefined)
    context.exitCode = job.state === 'cancelled' ? exitCodes.interrupted : exitCodeOf(first.error);
  const lines = pushed.map(lineOf);
  await writeResults(json ? job.destinations.map((each) => recordLine(job, each)) : lines, lines, context);
}

/** `registry/repository@sha256:…` */
export function lineOf({ reference, digest }: JobDestination): string {
  return `${canonicalName(parseReference(reference))}@${digest}`;
}

/** Why a destination was not reached. */
function errorOf(job: Job, destination: JobDestination): Error | undefined {
  if (isReached(destination)) return undefined;
  const { error } = destination;
  const failure = error ?? job.error;
  if (failure !== undefined) return new JobFailedError(failure);
  return job.state === 'cancelled'
    ? new CliError('ERR_CLI_INTERRUPTED', 'the job was cancelled')
    : new Error(`the job ended as ${job.state}`);
}

function recordLine(job: Job, destination: JobDestination): string {
  const { reference, digest, mediaType, size, unchanged, totals } = destination;
  const { tag } = parseReference(reference);
  const error = errorOf(job, destination);
  const dryRun = destination.state === 'planned' ? { dryRun: true } : {};
  const outcome =
    error === undefined ? { digest, mediaType, size, tag, unchanged, ...dryRun } : { tag, error: problemOf(error) };
  return JSON.stringify({ reference, ...outcome, totals, job: job.id });
}
