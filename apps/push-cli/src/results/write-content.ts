import { Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { isGoneReader } from '@slipway/client/program';
import type { ByteStream } from '@slipway/digest';
import type { CommandContext } from '../command-context.ts';
import { outputError } from '../errors.ts';

/**
 * Writes content to standard output and leaves it open. A reader that went away wants no more of it.
 *
 * @throws {CliError} `ERR_CLI_OUTPUT` when standard output cannot be written; what the content throws, as it is
 */
export async function writeContent(
  content: ByteStream,
  { stdout, signal }: Pick<CommandContext, 'stdout' | 'signal'>,
): Promise<void> {
  let failure: Error | undefined;
  const output = new Writable({
    write(chunk: Uint8Array, _, done) {
      stdout.write(chunk, (error) => {
        failure = error ?? undefined;
        done(error);
      });
    },
  });
  try {
    await pipeline(content, output, { signal });
  } catch (error) {
    if (failure === undefined || error !== failure) throw error;
    if (!isGoneReader(failure)) throw outputError(failure);
  }
}
