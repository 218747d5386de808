import type { CommandContext } from '../command-context.ts';
import { CliError } from '../errors.ts';
import { isGoneReader } from '../terminal/outputs.ts';

/**
 * Writes the results to standard output, which is all that it carries. A reader that went away wants none.
 *
 * @param pushed what is in the registries by now, for the message when it cannot be written
 * @throws {CliError} `ERR_CLI_OUTPUT` when standard output cannot be written
 */
export async function writeResults(
  lines: readonly string[],
  pushed: readonly string[],
  context: Pick<CommandContext, 'stdout' | 'hasResults'>,
): Promise<void> {
  if (lines.length === 0) return;
  context.hasResults = true;
  const failure = await new Promise<Error | null | undefined>((resolve) => {
    context.stdout.write(lines.map((line) => `${line}\n`).join(''), resolve);
  });
  if (!failure || isGoneReader(failure)) return;
  const what = pushed.length > 0 ? 'the image was pushed, but the result' : 'the result';
  throw new CliError('ERR_CLI_OUTPUT', `${what} cannot be written to standard output: ${failure.message}`, {
    cause: failure,
    hint: pushed.length > 0 ? `it is ${pushed.join(', ')}` : 'check where standard output leads',
  });
}
