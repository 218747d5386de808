import { shortDigest } from '@slipway/digest';
import type { LoadedImage, LoadProgress } from '@slipway/image-store';
import { familiarString, type Reference } from '@slipway/reference';
import { formatByteSize } from './byte-size.ts';
import type { CommandContext } from './command-context.ts';
import type { ConnectionOptions } from './connection-options.ts';
import { parseDestinations } from './destinations.ts';
import { CliError, usageError } from './errors.ts';
import { type LocalStoreOptions, openLocalStore } from './local-store.ts';
import { requestLine } from './open-connection.ts';
import { printable } from './printable.ts';
import { warningLine } from './progress/lines.ts';
import { openCliSource } from './sources.ts';

export interface RawLoadOptions extends ConnectionOptions, LocalStoreOptions {
  readonly input?: string | undefined;
  readonly tag?: readonly string[] | undefined;
  readonly quiet?: boolean | undefined;
}

/** Loads every image of a source into this machine's store, and prints its names, or its ID when it has none. */
export async function runLoad(
  argument: string | undefined,
  options: RawLoadOptions,
  context: CommandContext,
): Promise<void> {
  const { signal, stdout, stderr } = context;
  if (argument !== undefined && options.input !== undefined) {
    throw usageError('the source is given twice', 'give it as the argument, or with --input');
  }
  const names = parseDestinations(options.tag ?? [], false);
  const print = (line: string): void => void (options.quiet === true || stderr.write(`${line}\n`));
  await using source = await openCliSource(
    argument ?? options.input ?? '-',
    {
      ...options,
      print,
      warn: (message) => stderr.write(`${warningLine(message)}\n`),
      onRequest: options.verbose === true ? (record) => print(requestLine(record)) : undefined,
    },
    context,
  );
  if (source.items.length === 0) throw new CliError('ERR_CLI_NO_ITEM', `${source.name} holds no image`);
  if (names.length > 0 && source.items.length > 1) {
    throw usageError(`${source.name} holds ${source.items.length} images, and --tag names one`, 'choose one of them');
  }
  await using store = await openLocalStore(options, context);
  const loaded = await store.load(source, { signal, onProgress: (progress) => tell(progress, print) });
  for (const image of loaded) {
    for (const { tag, id } of image.replaced) {
      print(`The image ${printable(tag)} already exists, renaming the old one with ID ${id} to empty string`);
    }
    for (const name of names) await store.tag(image.id, name, { signal });
    for (const line of resultLines(image, names)) stdout.write(`${line}\n`);
  }
}

function tell(progress: LoadProgress, print: (line: string) => void): void {
  const { type, diffID, total } = progress;
  if (type === 'layer:exists') print(`${shortDigest(diffID)}: Layer already exists`);
  else if (progress.current === total) print(`${shortDigest(diffID)}: Loaded ${formatByteSize(total)}`);
}

function resultLines({ id, tags }: LoadedImage, names: readonly Reference[]): readonly string[] {
  const all = [...new Set([...tags, ...names.map(familiarString)])];
  return all.length > 0 ? all.map((name) => `Loaded image: ${printable(name)}`) : [`Loaded image ID: ${id}`];
}
