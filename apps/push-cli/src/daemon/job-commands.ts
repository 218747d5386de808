import type { OptionValues } from '@slipway/client/options';
import { printable } from '@slipway/client/program';
import { parseReference } from '@slipway/reference';
import type { CommandContext } from '../command-context.ts';
import { usageError } from '../errors.ts';
import { table } from '../inspection/inspection-table.ts';
import { writeResults } from '../results/write-results.ts';
import { findDaemon } from './daemon-address.ts';
import { DaemonClient, type ListQuery } from './daemon-client.ts';
import { DaemonRefusal } from './daemon-refusal.ts';
import { hasEnded, type Job, type JobDestination } from './job.ts';

/** Options that all commands about jobs have. */
export interface JobCommandOptions {
  readonly daemon?: string | undefined;
  readonly json?: boolean | undefined;
}

export interface WatchOptions extends JobCommandOptions {
  readonly progress: OptionValues['progress'];
  readonly quiet?: boolean | undefined;
  readonly verbose?: boolean | undefined;
}

/** `slipway job list` */
export async function listJobs(
  options: JobCommandOptions & Partial<ListQuery>,
  context: CommandContext,
): Promise<void> {
  const { state, destination, principal, limit = 20 } = options;
  const client = await clientOf(options, context);
  const { jobs, next } = await client.list({ state, destination, principal, limit }, context.signal);
  if (options.json === true)
    return await print(
      jobs.map((job) => JSON.stringify(job)),
      context,
    );
  const rows = jobs.map((job) => [job.id, job.state, timeOf(job.createdAt), job.image, namesOf(job)].map(printable));
  await print(table([['JOB', 'STATE', 'SUBMITTED', 'IMAGE', 'DESTINATIONS'], ...rows]), context);
  if (next !== undefined) context.stderr.write(`slipway: there are more: --limit ${Math.min(limit * 5, 500)}\n`);
}

/** `slipway job show` */
export async function showJob(id: string, options: JobCommandOptions, context: CommandContext): Promise<void> {
  const job = await (await clientOf(options, context)).get(id, context.signal);
  await print(options.json === true ? [JSON.stringify(job)] : linesOf(job), context);
}

/** `slipway job watch`: Ctrl-C leaves, the job goes on. */
export async function watchJob(id: string, options: WatchOptions, context: CommandContext): Promise<void> {
  const address = await findDaemon(options.daemon, context.environment);
  const [{ openProgress }, { followToEnd }, { reportJob }] = await Promise.all([
    import('../progress/open-progress.ts'),
    import('./follow-job.ts'),
    import('./job-results.ts'),
  ]);
  const { quiet, verbose, json = false } = options;
  using progress = openProgress(quiet === true ? 'none' : options.progress, { ...context, verbose, isQuiet: quiet });
  context.onForcedExit = () => progress[Symbol.dispose]();
  const client = new DaemonClient(address, { print: (line) => progress.print(line) });
  const job = await followToEnd(id, { client, progress, context, onInterrupt: 'leave' });
  await reportJob(job, { json, progress, context });
}

/** `slipway job cancel`: all are asked before the first failure is told. */
export async function cancelJobs(
  ids: readonly string[],
  options: JobCommandOptions,
  context: CommandContext,
): Promise<void> {
  const client = await clientOf(options, context);
  const asked = await Promise.allSettled(ids.map((id) => client.cancel(id, context.signal)));
  const failed = asked.find((each) => each.status === 'rejected');
  const { problemOf } = failed === undefined ? {} : await import('../failure/problem.ts');
  const lines = asked.flatMap((each, index) => {
    if (each.status === 'fulfilled') return lineOf(each.value, options);
    return options.json === true ? JSON.stringify({ id: ids[index], error: problemOf?.(each.reason) }) : [];
  });
  await print(lines, context);
  if (failed !== undefined) throw failed.reason;
}

/** `slipway job retry`: credentials that came with the job are gone, and are looked up and sent again. */
export async function retryJob(
  id: string,
  options: JobCommandOptions & { readonly authfile?: string | undefined },
  context: CommandContext,
): Promise<void> {
  const client = await clientOf(options, context);
  const { image, source, destinations, credentialsName } = (await client.get(id, context.signal)) as Job & {
    readonly credentialsName?: string;
  };
  const open = destinations.filter(({ state }) => state !== 'pushed').map(({ reference }) => parseReference(reference));
  if (source === 'registry') open.push(parseReference(image.slice('docker://'.length)));
  const warn = (message: string): void => void context.stderr.write(`slipway: warning: ${printable(message)}\n`);
  const { credentialsFor } = await import('./submit-job.ts');
  const credentials = await credentialsFor(open, { ...options, credentialsName }, { warn }, context);
  const job = await client.retry(id, credentials, context.signal).catch((error: unknown) => {
    if (!(error instanceof DaemonRefusal && error.status === 400) || Object.keys(credentials).length > 0) throw error;
    throw usageError(
      error.message,
      'none are kept here for the destinations that are left: `slipway login REGISTRY` keeps them, and --authfile ' +
        'names a file that has them',
    );
  });
  await print([lineOf(job, options)], context);
}

function lineOf(job: Job, { json }: JobCommandOptions): string {
  return json === true ? JSON.stringify(job) : `${job.id} ${stateOf(job)}`;
}

async function clientOf({ daemon }: JobCommandOptions, { environment, stderr }: CommandContext): Promise<DaemonClient> {
  const print = (line: string): void => void stderr.write(`${printable(line)}\n`);
  return new DaemonClient(await findDaemon(daemon, environment), { print });
}

async function print(lines: readonly string[], context: CommandContext): Promise<void> {
  await writeResults(lines, [], context);
}

function linesOf(job: Job): readonly string[] {
  const { id, image, imageID, digest, principal, createdAt, startedAt, finishedAt, attempts, daemon, error } = job;
  const fields: readonly (readonly [string, string | undefined])[] = [
    ['job', id],
    ['state', stateOf(job)],
    ['image', image],
    ['image ID', imageID],
    ['manifest', digest],
    ['submitted', `${timeOf(createdAt)} by ${principal}`],
    ['started', startedAt && `${timeOf(startedAt)}${daemon === undefined ? '' : ` on ${daemon}`}`],
    ['ended', finishedAt && timeOf(finishedAt)],
    ['attempts', attempts > 1 ? `${attempts}` : undefined],
    ['error', error?.message],
  ];
  return [
    ...fields.flatMap(([label, value]) => (value ? [`${label.padEnd(10)}${printable(value)}`] : [])),
    ...job.destinations.map((each) => `to        ${printable(each.reference)} ${printable(outcomeOf(each))}`),
  ];
}

function outcomeOf({ state, digest, error }: JobDestination): string {
  if (state === 'pushed' || state === 'planned') return `${state} ${digest}`;
  return error === undefined ? state : `failed: ${error.message}`;
}

function stateOf(job: Job & { readonly isCancelRequested?: boolean }): string {
  if (job.isCancelRequested === true && !hasEnded(job)) return `${job.state}, asked to stop`;
  return job.state === 'failed' && job.canRetry ? 'failed, can be retried' : job.state;
}

function namesOf({ destinations: [first, ...others] }: Job): string {
  return `${first?.reference ?? ''}${others.length > 0 ? ` and ${others.length} more` : ''}`;
}

/** `2026-01-01 12:00:00`, in UTC. */
function timeOf(text: string): string {
  return text.slice(0, 19).replace('T', ' ');
}
