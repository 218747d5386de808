import type { Command } from 'commander';
import type { CommandContext } from '../command-context.ts';
import { addLocalStoreOptions } from './local-store-options.ts';

/** `slipway rmi IMAGE...` */
export function addRmiCommand(program: Command, context: CommandContext): void {
  const command = program
    .command('rmi')
    .description('Delete images of this machine’s store: the name given, and the image with its last name.')
    .argument('<image...>', 'references, image IDs or beginnings of them')
    .option('-f, --force', 'delete by ID although the image has several names');
  addLocalStoreOptions(command).action(async (images: string[]) => {
    const { runRmi } = await import('../run-rmi.ts');
    await runRmi(images, command.opts(), context);
  });
}
