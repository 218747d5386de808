import { fstatSync } from 'node:fs';
import { Readable } from 'node:stream';
import type { CommandContext } from '../command-context.ts';
import { CliError } from '../errors.ts';

/**
 * The program's standard input. A folder in its place fails for who reads it: of the runtimes, one takes it for empty,
 * and the other throws as soon as it is touched.
 */
export function standardInput(host: Pick<NodeJS.Process, 'stdin'>): CommandContext['stdin'] {
  return isFolder(0) ? Readable.from(aFolder()) : host.stdin;
}

function isFolder(descriptor: number): boolean {
  try {
    return fstatSync(descriptor).isDirectory();
  } catch {
    return false; // it is closed: whoever reads it hears of that
  }
}

// biome-ignore lint/correctness/useYield: it has nothing to give
async function* aFolder(): AsyncGenerator<never, void, void> {
  const hint = 'give the folder itself as the source, or pipe an archive in';
  throw new CliError('ERR_CLI_NO_ITEM', 'standard input is a folder', { hint });
}
