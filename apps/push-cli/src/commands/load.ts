import type { LoadProgress } from '@slipway/image-store';
import type { Command } from 'commander';
import type { CommandContext } from '../command-context.ts';
import { CliError, usageError } from '../errors.ts';
import type { ClientFlags } from '../open-client.ts';
import { addLocalStoreOptions } from './local-store-options.ts';
import { addTableOptions, connectionOptions } from './table-options.ts';

interface LoadFlags extends ClientFlags {
  readonly input?: string | undefined;
  readonly tag?: readonly string[] | undefined;
  readonly quiet?: boolean | undefined;
}

/** `slipway load [SOURCE]` */
export function addLoadCommand(program: Command, context: CommandContext): void {
  const command = program
    .command('load')
    .description('Load images into this machine’s store, from where store:REF takes them.')
    .argument('[source]', 'a path, - or a transport, as for push (default: standard input)')
    .option('-i, --input <file>', 'the same, as docker load has it')
    .option('-t, --tag <reference>', 'name the one image of the source; may be given again', collect)
    .option('-q, --quiet', 'print the result only');
  addLocalStoreOptions(addTableOptions(command, connectionOptions)).action(
    async (source: string | undefined) => await load(source, command.opts(), context),
  );
}

function collect(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value];
}

/** Loads every image of a source into this machine's store, and prints its names, or its ID when it has none. */
async function load(argument: string | undefined, flags: LoadFlags, context: CommandContext): Promise<void> {
  const { openClient } = await import('../open-client.ts');
  const { openLocalStore, readNames } = await import('../local-store.ts');
  const { warningLine } = await import('../progress/lines.ts');
  const { loadedLines, loadLine, replacedLines } = await import('../progress/load-lines.ts');
  const { signal, stdout, stderr } = context;
  if (argument !== undefined && flags.input !== undefined) {
    throw usageError('the source is given twice', 'give it as the argument, or with --input');
  }
  const names = readNames(flags.tag ?? []);
  const print = (line: string): void => void (flags.quiet === true || stderr.write(`${line}\n`));
  const warn = (message: string): void => void stderr.write(`${warningLine(message)}\n`);
  await using client = await openClient(flags, context, { print, warn });
  await using source = await client.open(argument ?? flags.input ?? '-', { signal });
  if (source.items.length === 0) throw new CliError('ERR_CLI_NO_ITEM', `${source.name} holds no image`);
  if (names.length > 0 && source.items.length > 1) {
    throw usageError(`${source.name} holds ${source.items.length} images, and --tag names one`, 'choose one of them');
  }
  await using store = await openLocalStore(flags, context);
  const onProgress = (progress: LoadProgress): void => {
    const line = loadLine(progress);
    if (line !== undefined) print(line);
  };
  for (const image of await store.load(source, { signal, onProgress })) {
    for (const line of replacedLines(image)) print(line);
    for (const name of names) await store.tag(image.id, name, { signal });
    for (const line of loadedLines(image, names)) stdout.write(`${line}\n`);
  }
}
