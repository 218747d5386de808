import { wholeNumber } from '@slipway/client/options';
import type { Command } from 'commander';
import type { CommandContext } from '../command-context.ts';
import { addTableOptions, connectionOptions, readValue } from './table-options.ts';

/** `slipway delete REF...` */
export function addDeleteCommand(program: Command, context: CommandContext): void {
  const command = program
    .command('delete')
    .description('Delete tags and manifests in a registry, after saying what else hangs on them.')
    .argument(
      '<ref...>',
      'REPOSITORY:TAG for a tag, REPOSITORY@DIGEST for a manifest; both: the tag, if it names that digest',
    )
    .option('--manifest', 'of a tag, delete the manifest that it names, with all its tags')
    .option('-f, --force', 'delete also what an index needs; what is not there is no failure')
    .option('--dry-run', 'say what would go, and delete nothing')
    .option('-y, --yes', 'delete without asking; the program asks on a terminal only')
    .option('--max-tags <number>', 'look at so many tags of the repository (default: 1000)', (text) =>
      readValue(text, { kind: wholeNumber(1, 1_000_000) }),
    );
  addTableOptions(command, [...connectionOptions, 'username', 'passwordStdin', 'dataDir'])
    .option('--json', 'print one JSON object a reference')
    .option('-v, --verbose', 'print requests, and the causes of errors')
    .addHelpText('after', details)
    .action(async (references: string[]) => {
      context.asked = async () => {
        const [{ askedRecords }, { withoutTransport }] = await Promise.all([
          import('../results/results.ts'),
          import('../deletion/delete-references.ts'),
        ]);
        return askedRecords(references.map(withoutTransport), {});
      };
      const { deleteReferences } = await import('../deletion/delete-references.ts');
      await deleteReferences(references, command.opts(), context);
    });
}

const details = `
A tag goes alone: its manifest and its other tags stay. A registry that cannot delete a tag alone is left as it is, and
the message says what --manifest would delete. A manifest goes with all tags that name it; one that an index of the
repository names is kept, unless --force is given. Blobs stay until the registry removes what nothing names.

Standard output has one line for each tag and manifest that is gone, which is looked at afterwards; with --dry-run for
each that would go. Whether a registry deletes a tag alone shows only when it is asked to: --dry-run does not ask.

Exit codes:
  0 deleted · 1 failed, not there, or kept · 2 wrong usage or bad reference · 3 unauthorized or denied
  5 registry unreachable · 130 interrupted
  With several references each succeeds or fails by itself; the code is that of the first that failed.

Examples:
  slipway delete --dry-run ghcr.io/me/app:pr-17
  slipway delete registry.example.org/team/app:pr-17 registry.example.org/team/app:pr-18
  slipway delete --manifest registry.example.org/team/app:old`;
