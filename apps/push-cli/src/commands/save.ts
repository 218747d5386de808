import type { ByteStream } from '@slipway/digest';
import type { Command } from 'commander';
import type { CommandContext } from '../command-context.ts';
import { CliError, usageError } from '../errors.ts';
import { addLocalStoreOptions, type LocalStoreOptions } from './local-store-options.ts';

interface SaveFlags extends LocalStoreOptions {
  readonly output?: string | undefined;
}

/** `slipway save IMAGE...` */
export function addSaveCommand(program: Command, context: CommandContext): void {
  const command = program
    .command('save')
    .description('Write images of this machine’s store as one archive, for docker load and for readers of OCI layouts.')
    .argument('<image...>', 'references or image IDs; a repository without a tag means all its tags')
    .option('-o, --output <file>', 'write there (default: standard output)');
  addLocalStoreOptions(command).action(async (images: string[]) => await save(images, command.opts(), context));
}

/** Writes images as one archive. A file appears whole or not at all. */
async function save(
  images: readonly string[],
  { output, ...flags }: SaveFlags,
  context: CommandContext,
): Promise<void> {
  const { openLocalStore } = await import('../local-store.ts');
  const { signal, stdout } = context;
  if (output === undefined && stdout.isTTY === true) {
    throw usageError('an archive is nothing for a terminal', 'name a file with --output, or redirect standard output');
  }
  await using store = await openLocalStore(flags, context);
  const archive = await store.save(images, { signal });
  if (output === undefined) {
    const { writeContent } = await import('../results/write-content.ts');
    await writeContent(archive, context);
  } else await writeWhole(output, archive, signal);
}

async function writeWhole(path: string, archive: ByteStream, signal: AbortSignal): Promise<void> {
  const { wholeFile } = await import('../results/whole-file.ts');
  try {
    await wholeFile(path, archive, { signal });
  } catch (cause) {
    const { syscall, message } = cause as NodeJS.ErrnoException;
    if (syscall === undefined) throw cause;
    throw new CliError('ERR_CLI_OUTPUT', `--output cannot be written: ${message}`, { cause });
  }
}
