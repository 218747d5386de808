import { optionTable, wholeNumber } from '@slipway/client/options';
import { type Command, Option } from 'commander';
import type { CommandContext } from '../command-context.ts';
import { jobStates } from '../daemon/job.ts';
import { addJobPushOptions, jobPushOptionsOf } from './job-push-options.ts';
import { optionFor, readValue } from './table-options.ts';

/** `slipway job submit|list|show|watch|cancel|retry` */
export function addJobCommand(program: Command, context: CommandContext): void {
  const job = program
    .command('job')
    .description('Hand pushes to a slipwayd, and look after them.')
    .addHelpText('after', details);

  const submit = withDaemon(job.command('submit'))
    .description('Submit a push and print the ID of its job, without waiting for its end.')
    .argument(
      '<source>',
      'a path or - (sent to the daemon), store:REF (an image that the daemon has), or docker://REF (a registry)',
    )
    .argument('<destination...>', 'where to: [registry/]repository[:tag]');
  addJobPushOptions(submit)
    .option('--json', 'print the job as JSON')
    .action(async (source: string, destinations: string[]) => {
      const { pushByDaemon } = await import('../daemon/push-by-daemon.ts');
      const options = { ...jobPushOptionsOf(submit), progress: 'none', onInterrupt: 'leave', detach: true } as const;
      await pushByDaemon(source, destinations, options, context);
    });

  const list = withDaemon(job.command('list'))
    .description('Print the jobs of the daemon, newest first.')
    .addOption(new Option('--state <state...>', 'only jobs in these states').choices(jobStates))
    .option('--destination <prefix>', 'only jobs with a destination that begins so: ghcr.io/team/')
    .option('--principal <name>', 'only jobs of this submitter')
    .option('--limit <n>', 'at most so many', (text) => readValue(text, { kind: wholeNumber(1, 500) }), 20)
    .option('--json', 'print one JSON object a job')
    .action(async () => await (await commands()).listJobs(list.optsWithGlobals(), context));

  const show = withDaemon(job.command('show'))
    .description('Print the state of a job.')
    .argument('<job>', 'its ID')
    .option('--json', 'print it as JSON')
    .action(async (id: string) => {
      context.asked = async () => [{ id }];
      await (await commands()).showJob(id, show.optsWithGlobals(), context);
    });

  const watch = withDaemon(job.command('watch'))
    .description('Show how a job goes on, and print its result. Ctrl-C leaves; the job goes on.')
    .argument('<job>', 'its ID')
    .addOption(optionFor('progress', optionTable.progress))
    .option('--json', 'print results as JSON, one object a destination')
    .option('-q, --quiet', 'print the result only')
    .option('-v, --verbose', 'print the causes of errors')
    .action(async (id: string) => {
      context.asked = async () => [{ id }];
      await (await commands()).watchJob(id, watch.optsWithGlobals(), context);
    });

  const cancel = withDaemon(job.command('cancel'))
    .description('Stop jobs at a safe point. Destinations that were reached stay pushed.')
    .argument('<job...>', 'their IDs')
    .option('--json', 'print the jobs as JSON')
    .action(async (ids: string[]) => {
      context.asked = async () => ids.map((id) => ({ id }));
      await (await commands()).cancelJobs(ids, cancel.optsWithGlobals(), context);
    });

  const retry = withDaemon(job.command('retry'))
    .description('Run a failed job again, for the destinations that it has not reached. Nothing is uploaded again.')
    .argument('<job>', 'its ID')
    .option('--authfile <file>', 'credentials file to use instead of docker’s and podman’s')
    .option('--json', 'print the job as JSON')
    .action(async (id: string) => {
      context.asked = async () => [{ id }];
      await (await commands()).retryJob(id, retry.optsWithGlobals(), context);
    });
}

const details = `
The daemon is the one that --daemon names, else SLIPWAY_HOST, else unix:///run/slipway.sock: an address, or the name of
a docker context. SLIPWAY_TOKEN, or the file of SLIPWAY_TOKEN_FILE, holds a token for it, SLIPWAY_CERT_PATH names a
folder with ca.pem, cert.pem and key.pem.

Examples:
  slipway job submit app.tar ghcr.io/me/app:1.0
  slipway job list --state failed
  slipway --daemon tcp://farm:2376 push app.tar ghcr.io/me/app:1.0`;

function withDaemon(command: Command): Command {
  return command.option(
    '--daemon <address>',
    'the daemon: unix:///PATH, tcp://HOST:PORT, https://HOST, a docker context',
  );
}

async function commands(): Promise<typeof import('../daemon/job-commands.ts')> {
  return await import('../daemon/job-commands.ts');
}
