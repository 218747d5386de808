import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { readEnvironment } from '@slipway/client';
import { blankValue } from '@slipway/client/options';
import { watchOutputs } from '@slipway/client/program';
import { Command, CommanderError, Option } from 'commander';
import { type Logger, pino, stdTimeFunctions } from 'pino';
import { readConfig, variableOf } from './config/read-config.ts';
import { type ServerConfig, settings } from './config/server-config.ts';
import { type Setting, shownDefault } from './config/settings.ts';
import { startDaemon } from './daemon.ts';
import { ServerError } from './errors.ts';
import { plainJSON } from './http/told-text.ts';
import { checkStart } from './operation/check-start.ts';
import { addHealthCommand } from './service/health-command.ts';
import { notifySystemd } from './service/notify-systemd.ts';
import { addTokenCommands } from './token-commands.ts';
import { logTrace } from './tracing/log-trace.ts';
import { tracingFaults } from './tracing/open-tracing.ts';
import type { OtelVariables } from './tracing/otel-variables.ts';
import { readTraceSettings } from './tracing/trace-settings.ts';
import { version } from './version.ts';

/** Runs the program with the arguments after its name; resolves with its exit code and never rejects. */
export async function main(args: readonly string[], host: NodeJS.Process = process): Promise<number> {
  const outputs = watchOutputs(host.stdout, host.stderr);
  const exitCode = await run(args, host);
  const failure = await outputs.flush();
  if (failure === undefined || exitCode !== 0) return exitCode;
  const message = `standard output cannot be written: ${failure.message}`;
  host.stderr.write(problemText(message, 'check where standard output leads'));
  return 1;
}

async function run(args: readonly string[], host: NodeJS.Process): Promise<number> {
  const program = createProgram(host);
  try {
    await program.parseAsync([...args], { from: 'user' });
    return 0;
  } catch (error) {
    if (error instanceof CommanderError) return reportWrongUsage(error, host);
    const { message, code, hint } = error as Error & { readonly code?: string; readonly hint?: string };
    host.stderr.write(problemText(message, hint));
    return code === 'ERR_SERVER_CONFIG' || code === 'ERR_SERVER_TOKEN' ? 2 : 1;
  }
}

/** Commander has already printed what was asked for (help, version): the rest is told in this program's own form. */
function reportWrongUsage(error: CommanderError, host: NodeJS.Process): number {
  if (error.exitCode === 0) return 0;
  if (error.code === 'commander.help') return 2;
  const [, message = '', suggestion] = /^(?:error: )?(.*?)(?:\n\((.*)\))?$/s.exec(error.message) ?? [];
  host.stderr.write(problemText(message, suggestion ?? 'see `slipwayd --help` and `slipwayd COMMAND --help`'));
  return 2;
}

function problemText(message: string, hint: string | undefined): string {
  return `slipwayd: ${message}\n${hint === undefined ? '' : `  hint: ${hint}\n`}`;
}

function createProgram(host: NodeJS.Process): Command {
  const program = new Command('slipwayd')
    .description('Serves the part of the Docker Engine API that surrounds push.')
    .version(version, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => void host.stdout.write(text),
      writeErr: (text) => void host.stderr.write(text),
      outputError: () => {}, // the message is on the error that exitOverride throws
      getOutHelpWidth: () => host.stdout.columns ?? 100,
      getErrHelpWidth: () => host.stderr.columns ?? 100,
    })
    .option('--config <file>', 'configuration file: JSON with comments, the flags’ names as keys (SLIPWAYD_CONFIG)')
    .option('--check-config', 'check the configuration and end');
  for (const setting of Object.values(settings)) program.addOption(optionOf(setting));
  const configOf = async (): Promise<ServerConfig> => {
    const { variables } = readEnvironment(host.env);
    const options = program.opts<Record<string, unknown>>();
    const flags = Object.fromEntries(
      Object.values(settings).map((setting) => [setting.name, options[optionOf(setting).attributeName()]]),
    );
    const file = (options['config'] as string | undefined) ?? variables['SLIPWAYD_CONFIG'];
    return await readConfig({ flags, variables, file: file || undefined });
  };
  program.hook('preAction', (_, command) => {
    const blank = blankValue(command);
    if (blank !== undefined) throw new ServerError('ERR_SERVER_CONFIG', blank);
  });
  addTokenCommands(program, { configOf, stdout: host.stdout });
  addHealthCommand(program, { configOf, stdout: host.stdout });
  program.action(async () => {
    const config = await configOf();
    if (program.opts<{ checkConfig?: boolean }>().checkConfig === true) {
      const { variables } = readEnvironment(host.env);
      await assertStart(config, variables);
      const { summary } = readTraceSettings(variables);
      host.stdout.write(`the configuration is right\n${summary === undefined ? '' : `${summary}\n`}`);
      return;
    }
    await serve(config, host, configOf);
  });
  return program;
}

function optionOf(setting: Setting<unknown>): Option {
  const { name, placeholder, description, kind } = setting;
  const byDefault = shownDefault(setting);
  const text = `${description} (${byDefault === undefined ? '' : `default: ${byDefault}; `}${variableOf(setting)})`;
  const [open, close] = kind.isValueOptional === true ? ['[', ']'] : ['<', '>'];
  const option = new Option(`--${name}${placeholder === undefined ? '' : ` ${open}${placeholder}${close}`}`, text);
  if (kind.isList === true) {
    // Without a value it was `true`, for all: no list can add to that.
    option.argParser<true | string[]>((value, earlier) => earlier === true || [...(earlier ?? []), value]);
  }
  return option;
}

/** @throws {ServerError} `ERR_SERVER_CONFIG`; its message lists every fault there is */
async function assertStart(config: ServerConfig, variables: OtelVariables): Promise<void> {
  const faults = [...(await checkStart(config)), ...(await tracingFaults(variables))];
  if (faults.length === 0) return;
  throw new ServerError('ERR_SERVER_CONFIG', `The configuration is wrong:\n  ${faults.join('\n  ')}`);
}

/** Serves until a signal says to stop. The second one ends at once. */
async function serve(config: ServerConfig, host: NodeJS.Process, configOf: () => Promise<ServerConfig>): Promise<void> {
  const environment = readEnvironment(host.env);
  await assertStart(config, environment.variables);
  const log = openLog(config, host);
  host.on('unhandledRejection', (error) => log.error({ err: error }, 'unhandled rejection'));
  let reload = (): void => log.warn('SIGHUP came before the daemon was up: its settings are as new as can be');
  host.on('SIGHUP', () => reload());
  // Without a listener, the first opens Node's debugger to every user of this machine, and the second ends the process.
  let tellState = (): void => log.info('the daemon is not up yet');
  for (const name of ['SIGUSR1', 'SIGUSR2'] as const) host.on(name, () => tellState());
  const asked = Promise.race([once(host, 'SIGTERM'), once(host, 'SIGINT')]); // also while it starts
  const tell = (...assignments: string[]): Promise<void> =>
    notifySystemd(assignments, { ...environment, onWarning: (message) => log.warn(message) });
  // A start that hangs is not waited for any longer than an end.
  const late = asked.then(() => delay(config.shutdownTimeoutMs));
  const daemon = await Promise.race([startDaemon({ config, environment, log }), late]);
  if (daemon === undefined) {
    log.error('asked to stop while the start hangs');
    return endNow(host, 1);
  }
  await tell('READY=1', `STATUS=Listens on ${daemon.addresses.join(', ')}`);
  tellState = () => log.info({ state: daemon.state() }, 'what the daemon does now');
  // One after the other: the last settings are those that count.
  let reloading = Promise.resolve();
  reload = () => {
    reloading = reloading
      .then(async () => await daemon.reload(await configOf()))
      .catch((err) => log.error({ err }, 'the settings could not be read again: the old ones stay'));
  };
  const signal = await asked;
  log.info({ signal: signal[0] as unknown }, 'asked to stop');
  for (const name of ['SIGTERM', 'SIGINT'] as const) host.once(name, () => endNow(host, 130));
  const [, isWhole] = await Promise.all([tell('STOPPING=1'), daemon.stop()]);
  // What hangs keeps the process no longer than its time: only then there is anything left to run this.
  setTimeout(() => endNow(host, isWhole ? 0 : 1), isWhole ? 500 : 0).unref();
}

/**
 * Ends the process. Node waits for its threads at the end: for one that asked something of a disk that hangs, until the
 * disk answers. Only a signal ends it sooner, and then there is no exit code.
 */
function endNow(host: NodeJS.Process, exitCode: number): void {
  if (host.getActiveResourcesInfo().some((kind) => kind.startsWith('FSReq') || kind.startsWith('FileHandle')))
    host.kill(host.pid, 'SIGKILL');
  host.exit(exitCode);
}

/** JSON lines on standard error: levels as words, times in ISO 8601. */
function openLog({ logLevel }: Pick<ServerConfig, 'logLevel'>, { pid }: NodeJS.Process): Logger {
  const settings = {
    level: logLevel,
    base: { pid },
    timestamp: stdTimeFunctions.isoTime,
    formatters: { level: (level: string) => ({ level }) },
    mixin: logTrace,
    hooks: { streamWrite: plainJSON }, // what strangers wrote turns no line of the log around
  };
  return pino(settings, pino.destination({ fd: 2, sync: true }));
}
