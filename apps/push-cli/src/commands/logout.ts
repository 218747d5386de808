import type { ClientOptions } from '@slipway/client';
import type { Command } from 'commander';
import type { CommandContext } from '../command-context.ts';
import { addTableOptions } from './table-options.ts';

/** `slipway logout REGISTRY` */
export function addLogoutCommand(program: Command, context: CommandContext): void {
  const command = program
    .command('logout')
    .description('Forget the credentials of a registry.')
    .argument('[registry]', 'the registry, as in references', 'docker.io');
  addTableOptions(command, ['authfile']).action(
    async (registry: string) => await logout(registry, command.opts(), context),
  );
}

/** Forgets a registry's credentials; that there were none is no failure. */
async function logout(text: string, flags: Pick<ClientOptions, 'authfile'>, context: CommandContext): Promise<void> {
  const { forgetCredentials } = await import('../kept-credentials.ts');
  const { warningLine } = await import('../progress/lines.ts');
  const { parseRegistry } = await import('../registry-name.ts');
  const { stderr } = context;
  const say = (line: string): void => void stderr.write(`${line}\n`);
  const registry = parseRegistry(text);
  const warn = (message: string): void => say(warningLine(message));
  const erased = await forgetCredentials(registry, { ...flags, warn }, context);
  say(erased ? `Logged out of ${registry}` : `There were no credentials for ${registry}`);
}
