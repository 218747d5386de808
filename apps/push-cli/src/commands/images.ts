import type { Command } from 'commander';
import type { CommandContext } from '../command-context.ts';
import { addLocalStoreOptions, type LocalStoreOptions } from './local-store-options.ts';

interface ImagesFlags extends LocalStoreOptions {
  readonly json?: boolean | undefined;
  readonly quiet?: boolean | undefined;
}

/** `slipway images [PATTERN]` */
export function addImagesCommand(program: Command, context: CommandContext): void {
  const command = program
    .command('images')
    .description('List the images of this machine’s store, newest first.')
    .argument('[pattern]', 'only those with a name that matches: demo/app, demo/*, ghcr.io/me/app:1.*')
    .option('--json', 'print JSON, one object an image')
    .option('-q, --quiet', 'print image IDs only');
  addLocalStoreOptions(command).action(
    async (pattern: string | undefined) => await listImages(pattern, command.opts(), context),
  );
}

/** Prints the images of this machine's store: a table with a line a name, IDs, or one JSON object an image. */
async function listImages(pattern: string | undefined, flags: ImagesFlags, context: CommandContext): Promise<void> {
  const { openLocalStore } = await import('../local-store.ts');
  const { imageLines } = await import('../inspection/stored-images.ts');
  await using store = await openLocalStore(flags, context);
  const images = await store.list({ signal: context.signal });
  for (const line of imageLines(images, { ...flags, pattern })) context.stdout.write(`${line}\n`);
}
