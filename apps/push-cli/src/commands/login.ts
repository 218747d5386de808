import type { Command } from 'commander';
import type { CommandContext } from '../command-context.ts';
import { addConnectionOptions } from '../connection-options.ts';

/** `slipway login REGISTRY` */
export function addLoginCommand(program: Command, context: CommandContext): void {
  const command = program
    .command('login')
    .description('Log in to a registry; the credentials are checked, then kept where docker keeps them.')
    .argument('[registry]', 'the registry, as in references', 'docker.io')
    .option('-u, --username <name>', 'user name; asked for on a terminal')
    .option('--password-stdin', 'read the password from standard input');
  addConnectionOptions(command)
    .option('-v, --verbose', 'print requests, and the causes of errors')
    .action(async (registry: string) => {
      const { runLogin } = await import('../run-login.ts');
      await runLogin(registry, command.opts(), context);
    });
}
