import type { Command } from 'commander';
import type { CommandContext } from '../command-context.ts';
import { addLocalStoreOptions } from './local-store-options.ts';

/** `slipway tag IMAGE REFERENCE` */
export function addTagCommand(program: Command, context: CommandContext): void {
  const command = program
    .command('tag')
    .description('Give an image of this machine’s store a further name.')
    .argument('<image>', 'a reference, an image ID or the beginning of one')
    .argument('<reference>', 'the name; :latest where it has no tag');
  addLocalStoreOptions(command).action(async (image: string, reference: string) => {
    const { runTag } = await import('../run-tag.ts');
    await runTag(image, reference, command.opts(), context);
  });
}
