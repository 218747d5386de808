import { isGoneReader } from '@slipway/client/program';
import type { CommandContext } from '../command-context.ts';
import { CliError, outputError } from '../errors.ts';

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
  if (pushed.length === 0) throw outputError(failure);
  const what = 'the image was pushed, but the result cannot be written to standard output';
  throw new CliError('ERR_CLI_OUTPUT', `${what}: ${failure.message}`, {
    cause: failure,
    hint: `it is ${pushed.join(', ')}`,
  });
}
