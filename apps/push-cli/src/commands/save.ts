import type { Command } from 'commander';
import type { CommandContext } from '../command-context.ts';
import { addLocalStoreOptions } from './local-store-options.ts';

/** `slipway save IMAGE...` */
export function addSaveCommand(program: Command, context: CommandContext): void {
  const command = program
    .command('save')
    .description('Write images of this machine’s store as one archive, for docker load and for readers of OCI layouts.')
    .argument('<image...>', 'references or image IDs; a repository without a tag means all its tags')
    .option('-o, --output <file>', 'write there (default: standard output)');
  addLocalStoreOptions(command).action(async (images: string[]) => {
    const { runSave } = await import('../run-save.ts');
    await runSave(images, command.opts(), context);
  });
}
