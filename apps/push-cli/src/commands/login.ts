import type { Command } from 'commander';
import type { CommandContext } from '../command-context.ts';
import { usageError } from '../errors.ts';
import type { ClientFlags } from '../open-client.ts';
import { addTableOptions, connectionOptions } from './table-options.ts';

interface LoginFlags extends ClientFlags {
  readonly username?: string | undefined;
  readonly passwordStdin?: boolean | undefined;
}

/** `slipway login REGISTRY` */
export function addLoginCommand(program: Command, context: CommandContext): void {
  const command = program
    .command('login')
    .description('Log in to a registry; the credentials are checked, then kept where docker keeps them.')
    .argument('[registry]', 'the registry, as in references', 'docker.io')
    .option('-u, --username <name>', 'user name; asked for on a terminal')
    .option('--password-stdin', 'read the password from standard input');
  addTableOptions(command, connectionOptions)
    .option('-v, --verbose', 'print requests, and the causes of errors')
    .action(async (registry: string) => await login(registry, command.opts(), context));
}

/** Asks for what is missing, shows it to the registry, and keeps it once the registry has accepted it. */
async function login(text: string, flags: LoginFlags, context: CommandContext): Promise<void> {
  const { refusalOf } = await import('../failure/login-refusal.ts');
  const { keepCredentials } = await import('../kept-credentials.ts');
  const { openClient } = await import('../open-client.ts');
  const { warningLine } = await import('../progress/lines.ts');
  const { ask, passwordFor } = await import('../terminal/prompt.ts');
  const { parseRegistry } = await import('../registry-name.ts');
  const { stdin, stderr } = context;
  const say = (line: string): void => void stderr.write(`${line}\n`);
  const warn = (message: string): void => say(warningLine(message));
  const registry = parseRegistry(text);
  context.onInterrupted = () => say(''); // off the line of the prompt; there is nothing to stop
  if (flags.username === undefined && (flags.passwordStdin === true || stdin.isTTY !== true)) {
    throw usageError(
      '--username is needed where there is no terminal to ask on',
      'add --username and --password-stdin',
    );
  }
  const username = flags.username ?? (await ask(`User name for ${registry}: `, context)).trim();
  if (username === '' || username.includes(':')) throw usageError('a user name is not empty and has no colon');
  const password = await passwordFor(username, flags.passwordStdin === true, context);
  const credentials = { kind: 'basic', username, password } as const;
  await using client = await openClient(flags, context, { print: say, warn });
  await client.verifyLogin(registry, credentials, { signal: context.signal }).catch((error: unknown) => {
    throw refusalOf(error, registry);
  });
  const place = await keepCredentials(registry, credentials, { ...flags, warn }, context);
  say(`Logged in to ${registry} as ${username}; kept in ${place}`);
}
