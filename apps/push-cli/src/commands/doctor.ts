import type { Command } from 'commander';
import type { CommandContext } from '../command-context.ts';
import type { ClientFlags } from '../open-client.ts';
import { addTableOptions, connectionOptions } from './table-options.ts';

/** Flags of `slipway doctor`. */
export interface DoctorFlags extends ClientFlags {
  readonly username?: string | undefined;
  readonly passwordStdin?: boolean | undefined;
  /** The slipwayd that is named for all commands. */
  readonly daemon?: string | undefined;
  readonly json?: boolean | undefined;
}

/** `slipway doctor [REGISTRY[/REPOSITORY]]` */
export function addDoctorCommand(program: Command, context: CommandContext): void {
  const command = program
    .command('doctor')
    .description('Say what a push would use and what the registry answers, without pushing.')
    .argument('[registry]', 'the registry, or a repository in it, which is then tried; without it only this machine');
  addTableOptions(command, [...connectionOptions, 'dataDir'])
    .option('--username <name>', 'show these credentials instead of those that are kept')
    .option('--password-stdin', 'read the password for --username from standard input')
    .option('--json', 'print the findings as one JSON object')
    .option('-v, --verbose', 'print requests')
    .addHelpText('after', details)
    .action(async (registry: string | undefined) => {
      const { runDoctor } = await import('../doctor/run-doctor.ts');
      await runDoctor(registry, command.optsWithGlobals<DoctorFlags>(), context);
    });
}

const details = `
Looks at: the slipwayd that --daemon or SLIPWAY_HOST names, the program, credentials files and helpers, certificates,
the proxy, the address, TLS, the registry and its clock, and whether the credentials are taken. With a repository also
what its token allows, whether it can be read (HEAD of a tag), and whether an upload may be begun: one is opened and
cancelled, and no byte is sent.

Secrets are not printed.

Exit codes:
  0 no problem (warnings are none) · 1 a problem · 2 wrong usage · 3 unauthorized or denied · 5 registry unreachable
  The code is that of the first problem.

Examples:
  slipway doctor
  slipway doctor ghcr.io
  slipway doctor registry.example.org:5000/team/app --json`;
