import type { Command } from 'commander';
import type { CommandContext } from '../command-context.ts';
import { addLocalStoreOptions, type LocalStoreOptions } from './local-store-options.ts';

/** `slipway tag IMAGE REFERENCE` */
export function addTagCommand(program: Command, context: CommandContext): void {
  const command = program
    .command('tag')
    .description('Give an image of this machine’s store a further name.')
    .argument('<image>', 'a reference, an image ID or the beginning of one')
    .argument('<reference>', 'the name; :latest where it has no tag');
  addLocalStoreOptions(command).action(
    async (image: string, reference: string) => await tag(image, reference, command.opts(), context),
  );
}

/** Gives an image a further name. Prints nothing, as docker does. */
async function tag(image: string, text: string, flags: LocalStoreOptions, context: CommandContext): Promise<void> {
  const { openLocalStore, readNames } = await import('../local-store.ts');
  const [reference] = readNames([text]);
  if (!reference) throw new Error('unreachable: one text gives one reference');
  await using store = await openLocalStore(flags, context);
  await store.tag(image, reference, { signal: context.signal });
}
