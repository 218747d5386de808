import type { Command } from 'commander';
import type { CommandContext } from '../command-context.ts';
import { addLocalStoreOptions } from './local-store-options.ts';

/** `slipway images [PATTERN]` */
export function addImagesCommand(program: Command, context: CommandContext): void {
  const command = program
    .command('images')
    .description('List the images of this machine’s store, newest first.')
    .argument('[pattern]', 'only those with a name that matches: demo/app, demo/*, ghcr.io/me/app:1.*')
    .option('--json', 'print JSON, one object an image')
    .option('-q, --quiet', 'print image IDs only');
  addLocalStoreOptions(command).action(async (pattern: string | undefined) => {
    const { runImages } = await import('../run-images.ts');
    await runImages(pattern, command.opts(), context);
  });
}
