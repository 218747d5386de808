import type { Command } from 'commander';
import type { CommandContext } from '../command-context.ts';
import type { ClientFlags } from '../open-client.ts';
import { addTableOptions, connectionOptions } from './table-options.ts';

interface InspectFlags extends ClientFlags {
  readonly json?: boolean | undefined;
  readonly referrers?: boolean | undefined;
}

/** `slipway inspect SOURCE` */
export function addInspectCommand(program: Command, context: CommandContext): void {
  const command = program
    .command('inspect')
    .description('Show what a source holds: images, platforms, layers.')
    .argument('<source>', 'a path, - or a transport, as for push');
  addTableOptions(command, connectionOptions)
    .option('--referrers', 'also show what refers to an image: signatures, SBOMs, attestations')
    .option('--json', 'print it as JSON')
    .option('-v, --verbose', 'print requests, and the causes of errors')
    .action(async (source: string) => await inspect(source, command.opts(), context));
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
  const output =
    flags.json === true
      ? JSON.stringify({ source: source.name, kind: source.kind, items }, undefined, 2)
      : inspectionLines(source.name, source.kind, items).join('\n');
  stdout.write(`${output}\n`);
}
