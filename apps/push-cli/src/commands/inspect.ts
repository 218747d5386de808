import type { SourceItem } from '@slipway/image-source';
import type { CommandContext } from './command-context.ts';
import type { ConnectionOptions } from './connection-options.ts';
import { describeIncomplete, describeItem, type InspectedItem } from './inspection.ts';
import { inspectionLines } from './inspection-table.ts';
import { requestLine } from './open-connection.ts';
import { warningLine } from './progress/lines.ts';
import { openCliSource } from './sources.ts';

export interface RawInspectOptions extends ConnectionOptions {
  readonly json?: boolean | undefined;
  readonly referrers?: boolean | undefined;
  readonly verbose?: boolean | undefined;
}

/** Prints what a source holds, as a table or as one JSON document. */
export async function runInspect(text: string, options: RawInspectOptions, context: CommandContext): Promise<void> {
  const print = (line: string): void => void context.stderr.write(`${line}\n`);
  await using source = await openCliSource(
    text,
    {
      ...options,
      incomplete: 'list',
      unpaired: 'carry',
      print,
      warn: (message) => print(warningLine(message)),
      onRequest: options.verbose === true ? (record) => print(requestLine(record)) : undefined,
    },
    context,
  );
  const items: readonly InspectedItem[] = [
    ...source.items.map((item: SourceItem) => describeItem(item)),
    ...(source.incomplete ?? []).map(describeIncomplete),
  ];
  const output =
    options.json === true
      ? JSON.stringify({ source: source.name, kind: source.kind, items }, undefined, 2)
      : inspectionLines(source.name, source.kind, items).join('\n');
  context.stdout.write(`${output}\n`);
}
