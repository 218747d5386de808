import { type OptionEntry, type OptionName, optionsOf, optionTable } from '@slipway/client/options';
import { type Command, Option } from 'commander';
import type { DaemonPushOptions } from '../daemon/push-by-daemon.ts';
import type { JobOptions } from '../daemon/submit-job.ts';
import { usageError } from '../errors.ts';
import { addTableOptions } from './table-options.ts';

/** What a job may be told of its push. */
const jobOptions: readonly OptionName[] = optionsOf('job').map(([name]) => name);
/** What concerns this process. */
const ownOptions: ReadonlySet<string> = new Set([
  'daemon',
  'detach',
  'onInterrupt',
  'credentialsName',
  'username',
  'passwordStdin',
  'authfile',
  'progress',
  'json',
  'quiet',
  'verbose',
  'digestFile',
]);

/** What only a daemon can do. */
const daemonOptions: ReadonlySet<string> = new Set(['detach', 'onInterrupt', 'credentialsName']);

/** Adds the options of a push that a job may be told, and whose credentials it uses. */
export function addJobPushOptions(command: Command): Command {
  addTableOptions(command, jobOptions)
    .option('--authfile <file>', 'credentials file to use instead of docker’s and podman’s')
    .option('--username <name>', 'push as this user')
    .option('--password-stdin', 'read the password for --username from standard input');
  return addCredentialsName(command);
}

/** Adds what `slipway push` knows for daemons alone. */
export function addDaemonOptions(command: Command): Command {
  command
    .option('--daemon <address>', 'have a slipwayd push: unix:///PATH, tcp://HOST:PORT, https://HOST, a docker context')
    .option('--detach', 'with --daemon: submit, print the job’s ID, and do not wait')
    .addOption(
      new Option('--on-interrupt <what>', 'with --daemon: what Ctrl-C does to the job')
        .choices(['cancel', 'leave'])
        .default('cancel'),
    );
  return addCredentialsName(command);
}

/**
 * Refuses what only a daemon can do: left out, the push would use other credentials, or wait.
 *
 * @throws {CliError} `ERR_CLI_USAGE`
 */
export function assertNoDaemonOptions(command: Command): void {
  const given = command.options.find((option) => {
    const name = option.attributeName();
    return daemonOptions.has(name) && command.getOptionValueSource(name) === 'cli';
  });
  if (given === undefined) return;
  throw usageError(`${given.long ?? given.flags} is for a push by a daemon`, 'leave it out, or name one with --daemon');
}

function addCredentialsName(command: Command): Command {
  return command.option('--credentials-name <name>', 'use credentials that the daemon has under this name');
}

/** What `slipway job submit` was told. */
export function jobPushOptionsOf(command: Command): Pick<DaemonPushOptions, 'daemon' | 'push' | 'username' | 'json'> {
  return { ...command.optsWithGlobals(), push: toldOptions(command) };
}

/**
 * What of `slipway push` goes to the daemon.
 *
 * @throws {CliError} `ERR_CLI_USAGE` for an option that the daemon does not take: left out, it would do something else
 */
export function daemonPushOptionsOf(command: Command): DaemonPushOptions {
  const known = new Set<string>([...jobOptions, ...ownOptions]);
  const foreign = command.options.find((option) => {
    const name = option.attributeName();
    return command.getOptionValueSource(name) === 'cli' && !known.has(name);
  });
  if (foreign !== undefined) {
    throw usageError(
      `${foreign.long ?? foreign.flags} is not taken by a daemon`,
      'leave it out, or push without a daemon: without --daemon and SLIPWAY_HOST',
    );
  }
  return { ...command.optsWithGlobals<DaemonPushOptions>(), push: toldOptions(command) };
}

/** Only what the user said: for the rest the daemon has its own defaults. */
function toldOptions(command: Command): JobOptions['push'] {
  const told: Record<string, JobOptions['push'][string]> = {};
  for (const name of jobOptions) {
    const value: unknown = command.getOptionValue(name);
    if (value === undefined || command.getOptionValueSource(name) !== 'cli') continue;
    const { kind } = optionTable[name] as OptionEntry;
    told[name] = kind.write === undefined ? (value as string | number | boolean) : kind.write(value);
  }
  return told;
}
