import type { Command } from 'commander';
import type { CommandContext } from '../command-context.ts';
import { wholeNumber } from '../option-values.ts';

/** `slipway registry serve` */
export function addRegistryCommand(program: Command, context: CommandContext): void {
  const registry = program.command('registry').description('Run a registry on this machine, for tests and demos.');
  const serve = registry
    .command('serve')
    .description('Serve the embedded registry until Ctrl-C. It prints its address on standard output.')
    .option('--host <address>', 'address to listen on', '127.0.0.1')
    .option('--port <number>', 'port to listen on, 0 for a free one', wholeNumber(0, 65535), 5000)
    .option('--folder <folder>', 'keep the content there (default: in memory, gone at the end)')
    .option('--allow-remote', 'listen on addresses that other machines can reach; anybody there can push')
    .action(async () => {
      const { runRegistry } = await import('../run-registry.ts');
      await runRegistry(serve.opts(), context);
    });
}
