import type { Command } from 'commander';
import type { CommandContext } from '../command-context.ts';
import { addConnectionOptions } from '../connection-options.ts';

/** `slipway inspect SOURCE` */
export function addInspectCommand(program: Command, context: CommandContext): void {
  const command = program
    .command('inspect')
    .description('Show what a source holds: images, platforms, layers.')
    .argument('<source>', 'a path, - or a transport, as for push');
  addConnectionOptions(command)
    .option('--referrers', 'also show what refers to an image: signatures, SBOMs, attestations')
    .option('--json', 'print it as JSON')
    .option('-v, --verbose', 'print requests, and the causes of errors')
    .action(async (source: string) => {
      const { runInspect } = await import('../run-inspect.ts');
      await runInspect(source, command.opts(), context);
    });
}
