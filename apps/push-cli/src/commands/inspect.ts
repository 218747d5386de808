import type { Client } from '@slipway/client';
import type { Command } from 'commander';
import type { CommandContext } from '../command-context.ts';
import type { RepositoryTags } from '../inspection/repository-tags.ts';
import type { ClientFlags } from '../open-client.ts';
import { addTableOptions, connectionOptions } from './table-options.ts';

interface InspectFlags extends ClientFlags {
  readonly json?: boolean | undefined;
  readonly referrers?: boolean | undefined;
  /** False with `--no-tags`. */
  readonly tags: boolean;
}

/** Some repositories have more tags than anybody reads. */
const mostTags = 10_000;

/** `slipway inspect SOURCE` */
export function addInspectCommand(program: Command, context: CommandContext): void {
  const command = program
    .command('inspect')
    .description('Show what a source holds: images, platforms, layers; of a registry also its tags.')
    .argument('<source>', 'a path, - or a transport, as for push');
  addTableOptions(command, [...connectionOptions, 'dataDir'])
    .option('--referrers', 'also show what refers to an image: signatures, SBOMs, attestations')
    .option('--no-tags', 'of docker://REF, do not list the tags of the repository')
    .option('--json', 'print it as JSON')
    .option('-v, --verbose', 'print requests, and the causes of errors')
    .action(async (source: string) => {
      context.asked = async () => [{ source }];
      await inspect(source, command.opts(), context);
    });
}

/** Prints what a source holds, as a table or as one JSON document. */
async function inspect(text: string, flags: InspectFlags, context: CommandContext): Promise<void> {
  const { openClient } = await import('../open-client.ts');
  const { describeIncomplete, describeItem } = await import('../inspection/inspection.ts');
  const { inspectionLines } = await import('../inspection/inspection-table.ts');
  const { warningLine } = await import('../progress/lines.ts');
  const { signal, stdout, stderr } = context;
  const print = (line: string): void => void stderr.write(`${line}\n`);
  await using client = await openClient(flags, context, { print, warn: (message) => print(warningLine(message)) });
  const { referrers } = flags;
  await using source = await client.open(text, { signal, referrers, incomplete: 'list', unpaired: 'carry' });
  const items = [
    ...source.items.map((item) => describeItem(item)),
    ...(source.incomplete ?? []).map(describeIncomplete),
  ];
  const listed = flags.tags && source.kind === 'registry' ? await tagsOf(client, text, context) : undefined;
  const output =
    flags.json === true
      ? JSON.stringify({ source: source.name, kind: source.kind, items, ...listed }, undefined, 2)
      : inspectionLines(source.name, source.kind, items, listed).join('\n');
  stdout.write(`${output}\n`);
}

/** Undefined, and a warning, where the registry does not list them: the image was what was asked for. */
async function tagsOf(client: Client, source: string, context: CommandContext): Promise<RepositoryTags | undefined> {
  const { repositoryTags } = await import('../inspection/repository-tags.ts');
  const { warningLine } = await import('../progress/lines.ts');
  try {
    return await repositoryTags(client, source, mostTags, context.signal);
  } catch (error) {
    context.signal.throwIfAborted();
    context.stderr.write(`${warningLine(`The tags of the repository are not listed: ${(error as Error).message}`)}\n`);
    return undefined;
  }
}
