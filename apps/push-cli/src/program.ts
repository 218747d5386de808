import { blankValue } from '@slipway/client/options';
import { Command } from 'commander';
import type { CommandContext } from './command-context.ts';
import { addArtifactCommand } from './commands/artifact.ts';
import { addCompletionCommand } from './commands/completion.ts';
import { addDeleteCommand } from './commands/delete.ts';
import { addDoctorCommand } from './commands/doctor.ts';
import { addImagesCommand } from './commands/images.ts';
import { addInspectCommand } from './commands/inspect.ts';
import { addJobCommand } from './commands/job.ts';
import { addLoadCommand } from './commands/load.ts';
import { addLoginCommand } from './commands/login.ts';
import { addLogoutCommand } from './commands/logout.ts';
import { addPushCommand } from './commands/push.ts';
import { addRegistryCommand } from './commands/registry.ts';
import { addRmiCommand } from './commands/rmi.ts';
import { addSaveCommand } from './commands/save.ts';
import { addTagCommand } from './commands/tag.ts';
import { usageError } from './errors.ts';
import { version } from './version.ts';

const commands: Readonly<Record<string, (program: Command, context: CommandContext) => void>> = {
  push: addPushCommand,
  artifact: addArtifactCommand,
  inspect: addInspectCommand,
  delete: addDeleteCommand,
  load: addLoadCommand,
  images: addImagesCommand,
  tag: addTagCommand,
  rmi: addRmiCommand,
  save: addSaveCommand,
  login: addLoginCommand,
  logout: addLogoutCommand,
  doctor: addDoctorCommand,
  job: addJobCommand,
  registry: addRegistryCommand,
  completion: addCompletionCommand,
};

/**
 * The command line: commands, options and help. What a command does is loaded when it runs, so that help, completion
 * and `--version` stay quick.
 *
 * @param wanted the first argument: where it names a command, only that one is made, as far as it knows nothing of the
 * others; completion is made of all
 */
export function createProgram(
  context: CommandContext,
  wanted = '',
  {
    onCommand,
  }: {
    /** Told which command is called, before its arguments are read; of a group first the group. */
    readonly onCommand?: ((command: Command) => void) | undefined;
  } = {},
): Command {
  const program = new Command('slipway')
    .description('Pushes container images to registries, without a daemon.')
    .version(version, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print help')
    .option('--daemon <address>', 'the slipwayd for `push` and `job` (default: $SLIPWAY_HOST)')
    .helpCommand('help [command]', 'print help for a command')
    .showHelpAfterError(false)
    .showSuggestionAfterError(true)
    .addHelpText('after', `\nRun \`slipway help push\` for all options of push.`);
  program.hook('preAction', (_, command) => {
    const blank = blankValue(command);
    if (blank !== undefined) throw usageError(blank, 'leave it out, or say what is meant');
  });
  const only = wanted !== 'completion' && Object.hasOwn(commands, wanted) ? commands[wanted] : undefined;
  for (const add of only === undefined ? Object.values(commands) : [only]) add(program, context);
  for (const command of allCommands(program)) {
    if (onCommand !== undefined) command.hook('preSubcommand', (_, below) => onCommand(below));
    command.exitOverride().configureOutput({
      writeOut: (text) => context.stdout.write(text),
      writeErr: (text) => context.stderr.write(text),
      outputError: () => {}, // the message is on the error that exitOverride throws
      getOutHelpWidth: () => context.stdout.columns ?? 100,
      getErrHelpWidth: () => context.stderr.columns ?? 100,
    });
  }
  return program;
}

function allCommands(command: Command): readonly Command[] {
  return [command, ...command.commands.flatMap(allCommands)];
}
