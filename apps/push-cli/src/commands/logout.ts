import type { Command } from 'commander';
import type { CommandContext } from '../command-context.ts';

/** `slipway logout REGISTRY` */
export function addLogoutCommand(program: Command, context: CommandContext): void {
  const command = program
    .command('logout')
    .description('Forget the credentials of a registry.')
    .argument('[registry]', 'the registry, as in references', 'docker.io')
    .option('--authfile <file>', 'credentials file to use instead of docker’s and podman’s')
    .action(async (registry: string) => {
      const { runLogout } = await import('../run-logout.ts');
      await runLogout(registry, command.opts(), context);
    });
}
