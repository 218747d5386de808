import type { OptionValues } from '@slipway/client/options';
import { parseDestinations } from '@slipway/client/program';
import type { CommandContext } from '../command-context.ts';
import { usageError } from '../errors.ts';
import { openProgress } from '../progress/open-progress.ts';
import { assertDigestFile, writeDigestFile } from '../results/results.ts';
import { writeResults } from '../results/write-results.ts';
import { findDaemon } from './daemon-address.ts';
import { DaemonClient } from './daemon-client.ts';
import { followToEnd } from './follow-job.ts';
import { isReached } from './job.ts';
import { reportJob } from './job-results.ts';
import { type JobOptions, submitJob } from './submit-job.ts';

/** Options of `slipway push --daemon` and `slipway job submit`. */
export interface DaemonPushOptions extends JobOptions {
  readonly daemon: string | undefined;
  /** Submit, print the job's ID and end. @default false */
  readonly detach?: boolean | undefined;
  readonly onInterrupt: 'cancel' | 'leave';
  readonly progress: OptionValues['progress'];
  readonly json?: boolean | undefined;
  readonly quiet?: boolean | undefined;
  readonly verbose?: boolean | undefined;
  readonly digestFile?: string | undefined;
}

/** Has a slipwayd push, and shows it as a push of this process is shown. */
export async function pushByDaemon(
  source: string,
  destinations: readonly string[],
  options: DaemonPushOptions,
  context: CommandContext,
): Promise<void> {
  const references = parseDestinations(destinations, { allTags: options.push['allTags'] === true });
  if (options.detach === true && options.digestFile !== undefined) {
    throw usageError('--digest-file wants the end of the push, and --detach does not wait for it');
  }
  if (options.digestFile !== undefined) await assertDigestFile(options.digestFile);
  const address = await findDaemon(options.daemon, context.environment);
  const { json = false, quiet, verbose } = options;
  const choice = quiet === true ? 'none' : options.progress;
  using progress = openProgress(choice, { ...context, verbose, isQuiet: quiet });
  context.onForcedExit = () => progress[Symbol.dispose]();
  const client = new DaemonClient(address, { print: (line) => progress.print(line) });
  context.onFailure = (error) => progress.fail(error);
  const job = await submitJob(source, references, options, {
    client,
    progress,
    context,
    isSilent: choice === 'none',
  });
  if (options.detach === true) {
    await writeResults([json ? JSON.stringify(job) : job.id], [], context);
    return;
  }
  if (quiet !== true) progress.print(`slipway: job ${job.id} of slipwayd at ${client.name}`);
  const ended = await followToEnd(job.id, { client, progress, context, onInterrupt: options.onInterrupt });
  await reportJob(ended, { json, progress, context });
  if (options.digestFile !== undefined && isReached(ended)) {
    await writeDigestFile(
      options.digestFile,
      ended.destinations.map(({ digest = '' }) => ({ digest })),
    );
  }
}
