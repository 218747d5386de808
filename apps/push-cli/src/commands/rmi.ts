import { printable } from '@slipway/client/program';
import type { Command } from 'commander';
import type { CommandContext } from '../command-context.ts';
import { exitCodeOf, exitCodes } from '../failure/exit-code.ts';
import { addLocalStoreOptions, type LocalStoreOptions } from './local-store-options.ts';

interface RmiFlags extends LocalStoreOptions {
  readonly force?: boolean | undefined;
}

/** `slipway rmi IMAGE...` */
export function addRmiCommand(program: Command, context: CommandContext): void {
  const command = program
    .command('rmi')
    .description('Delete images of this machine’s store: the name given, and the image with its last name.')
    .argument('<image...>', 'references, image IDs or beginnings of them')
    .option('-f, --force', 'delete by ID although the image has several names');
  addLocalStoreOptions(command).action(async (images: string[]) => await deleteImages(images, command.opts(), context));
}

/**
 * Deletes images one by one and prints what went, in docker's words. The exit code is that of the first that failed.
 */
async function deleteImages(
  images: readonly string[],
  { force, ...flags }: RmiFlags,
  context: CommandContext,
): Promise<void> {
  const { problemLines } = await import('../failure/problem.ts');
  const { openLocalStore } = await import('../local-store.ts');
  const { signal, stdout, stderr } = context;
  await using store = await openLocalStore(flags, context);
  for (const image of images) {
    try {
      for (const record of await store.delete(image, { force, signal })) {
        stdout.write(
          'untagged' in record ? `Untagged: ${printable(record.untagged)}\n` : `Deleted: ${record.deleted}\n`,
        );
      }
    } catch (error) {
      signal.throwIfAborted();
      stderr.write(`${problemLines(error, flags).join('\n')}\n`);
      if (context.exitCode === exitCodes.pushed) context.exitCode = exitCodeOf(error);
    }
  }
}
