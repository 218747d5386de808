import type { Command } from 'commander';
import type { CommandContext } from '../command-context.ts';
import { addConnectionOptions } from '../connection-options.ts';
import { addLocalStoreOptions } from './local-store-options.ts';

/** `slipway load [SOURCE]` */
export function addLoadCommand(program: Command, context: CommandContext): void {
  const command = program
    .command('load')
    .description('Load images into this machine’s store, from where store:REF takes them.')
    .argument('[source]', 'a path, - or a transport, as for push (default: standard input)')
    .option('-i, --input <file>', 'the same, as docker load has it')
    .option('-t, --tag <reference>', 'name the one image of the source; may be given again', collect)
    .option('-q, --quiet', 'print the result only');
  addLocalStoreOptions(addConnectionOptions(command)).action(async (source: string | undefined) => {
    const { runLoad } = await import('../run-load.ts');
    await runLoad(source, command.opts(), context);
  });
}

function collect(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value];
}
