import { watchOutputs } from '@slipway/client/program';
import { type Command, CommanderError } from 'commander';
import type { CommandContext, OutputStream } from './command-context.ts';
import { withOptionalValues } from './commands/optional-values.ts';
import { readEnvironment } from './environment.ts';
import { type CliError, outputError, usageError } from './errors.ts';
import { type ExitCode, exitCodeOf, exitCodes } from './failure/exit-code.ts';
import { createProgram } from './program.ts';
import { listenForInterruption } from './terminal/interruption.ts';
import { scrubbedOutput, secretsInArguments, secretsInProxies } from './terminal/scrubbed-output.ts';
import { standardInput } from './terminal/standard-input.ts';

/** Runs the program with the arguments after its name; resolves with its exit code and never rejects. */
export async function main(args: readonly string[], host: NodeJS.Process = process): Promise<ExitCode> {
  const stdin = standardInput(host);
  const outputs = watchOutputs(host.stdout, host.stderr);
  const typed = secretsInArguments(args);
  const stdout = scrubbedOutput(host.stdout, typed);
  const stderr = scrubbedOutput(host.stderr, [...typed, ...secretsInProxies(host.env)]);
  host.on('uncaughtException', (error) => {
    context.onForcedExit?.();
    void tellProblem(error, { args, stderr, subject: 'unexpected' }).finally(() => host.exit(exitCodeOf(error)));
  });
  using interruption = listenForInterruption(host, {
    onFirst: () => {
      if (context.onInterrupted !== undefined) context.onInterrupted();
      else stderr.write('slipway: stopping at a safe point; press Ctrl-C again to end at once\n');
    },
    onForced: () => context.onForcedExit?.(),
  });
  const context: CommandContext = {
    environment: readEnvironment(host.env),
    stdin,
    stdout,
    stderr,
    signal: interruption.signal,
    exitCode: exitCodes.pushed,
    asked: undefined,
    hasResults: false,
    onFailure: undefined,
    onForcedExit: undefined,
    onInterrupted: undefined,
  };
  const exitCode = await run(args, context);
  const failure = await outputs.flush();
  if (failure === undefined || exitCode !== exitCodes.pushed) return exitCode;
  await tellProblem(outputError(failure), { args, stderr });
  return exitCodes.failed;
}

/** Parses the arguments and runs the command. */
export async function run(args: readonly string[], context: CommandContext): Promise<ExitCode> {
  let command: Command | undefined;
  try {
    const program = createProgram(context, args[0], {
      onCommand: (below) => {
        command = below;
      },
    });
    if (args.length === 0) program.help({ error: true });
    await program.parseAsync([...withOptionalValues(wholeHelp(args, program))], { from: 'user' });
    return context.exitCode;
  } catch (error) {
    const isUsage = error instanceof CommanderError;
    if (isUsage && error.exitCode === 0) return exitCodes.pushed;
    if (isUsage && error.code === 'commander.help') return exitCodes.usage;
    const failure = isUsage ? wrongUsage(error) : error;
    if (isJSONWanted(args, command) && !context.hasResults) await printFailure(failure, context);
    if (context.signal.aborted) return exitCodes.interrupted;
    if (context.onFailure !== undefined) context.onFailure(failure);
    else await tellProblem(failure, { args: isUsage ? [] : args, stderr: context.stderr });
    return context.exitCode === exitCodes.pushed ? exitCodeOf(failure) : context.exitCode;
  }
}

/** Also of a command line that could not be read to its end, as far as its command has JSON. */
function isJSONWanted(args: readonly string[], command: Command | undefined): boolean {
  return isGiven('--json', args) && command?.options.some(({ long }) => long === '--json') === true;
}

/** For a program that reads standard output: an object for each thing that was asked for, with the failure in it. */
async function printFailure(error: unknown, { asked, stdout }: CommandContext): Promise<void> {
  const { problemOf } = await import('./failure/problem.ts');
  const records = (await asked?.()) ?? [{}];
  for (const record of records) stdout.write(`${JSON.stringify({ ...record, error: problemOf(error) })}\n`);
}

/**
 * `help job submit` is `job submit --help`: Commander's own help command looks at one word, and prints the help of what
 * is above a command that is not there.
 */
function wholeHelp(args: readonly string[], program: Command): readonly string[] {
  const [first, ...words] = args;
  if (first !== 'help' || words.length === 0) return args;
  let group = program;
  for (const [at, word] of words.entries()) {
    if (group.commands.length === 0 || word.startsWith('-')) break;
    const command = group.commands.find((one) => one.name() === word);
    const above = words.slice(0, at);
    if (command === undefined)
      throw usageError(`unknown command '${word}'`, `see \`${['slipway help', ...above].join(' ')}\``);
    group = command;
  }
  return [...words, '--help'];
}

/** Commander has already printed what was asked for (help, version): the rest is told in this program's own form. */
function wrongUsage(error: CommanderError): CliError {
  const [, message = '', suggestion] = /^(?:error: )?(.*?)(?:\n\((.*)\))?$/s.exec(error.message) ?? [];
  const hint = suggestion ?? 'see `slipway help` and `slipway COMMAND --help`';
  return usageError(message, hint);
}

/** Says what went wrong. How that is put is loaded when something did. */
async function tellProblem(
  error: unknown,
  {
    args,
    stderr,
    subject,
  }: { readonly args: readonly string[]; readonly stderr: OutputStream; readonly subject?: string | undefined },
): Promise<void> {
  const { problemLines } = await import('./failure/problem.ts');
  stderr.write(`${problemLines(error, { verbose: isGiven('--verbose', args), subject }).join('\n')}\n`);
}

/** A switch, before `--`. */
function isGiven(flag: string, args: readonly string[]): boolean {
  const end = args.indexOf('--');
  return args.slice(0, end === -1 ? undefined : end).includes(flag);
}
