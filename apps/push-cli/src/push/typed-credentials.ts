import type { UserAndPassword } from '@slipway/client';
import type { OptionValues } from '@slipway/client/options';
import type { Reference } from '@slipway/reference';
import type { CommandContext } from '../command-context.ts';
import { usageError } from '../errors.ts';
import { passwordFor } from '../terminal/prompt.ts';

/**
 * `--username` and its password; undefined for those that docker and podman keep.
 *
 * @throws {CliError} `ERR_CLI_USAGE` when the password would be shown to more than one registry
 */
export async function typedCredentials(
  { username, passwordStdin }: { readonly [Name in 'username' | 'passwordStdin']?: OptionValues[Name] | undefined },
  references: readonly Pick<Reference, 'registry'>[],
  context: CommandContext,
): Promise<UserAndPassword | undefined> {
  if (username === undefined) return undefined;
  if (new Set(references.map(({ registry }) => registry)).size > 1) {
    throw usageError(
      '--username is for one registry, and the destinations are in several',
      'use `slipway login` for each',
    );
  }
  return { username, password: await passwordFor(username, passwordStdin === true, context) };
}
