import type { CommandContext } from './command-context.ts';
import { exitCodeOf, exitCodes } from './exit-code.ts';
import { type LocalStoreOptions, openLocalStore } from './local-store.ts';
import { printable } from './printable.ts';
import { problemLines } from './problem.ts';

export interface RawRmiOptions extends LocalStoreOptions {
  readonly force?: boolean | undefined;
}

/** Deletes images one by one and prints what went, in docker's words. The exit code is that of the first that failed. */
export async function runRmi(
  images: readonly string[],
  { force, ...options }: RawRmiOptions,
  context: CommandContext,
): Promise<void> {
  const { signal, stdout, stderr } = context;
  await using store = await openLocalStore(options, context);
  for (const image of images) {
    try {
      for (const record of await store.delete(image, { force, signal })) {
        stdout.write(
          'untagged' in record ? `Untagged: ${printable(record.untagged)}\n` : `Deleted: ${record.deleted}\n`,
        );
      }
    } catch (error) {
      signal.throwIfAborted();
      stderr.write(`${problemLines(error, options).join('\n')}\n`);
      if (context.exitCode === exitCodes.pushed) context.exitCode = exitCodeOf(error);
    }
  }
}
