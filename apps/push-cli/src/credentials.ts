import { computeHmacKey } from '@slipway/metadata-store';
import type { Destination } from '@slipway/push';
import type { Reference } from '@slipway/reference';
import type { CredentialProvider } from '@slipway/registry-client';
import type { CommandContext } from './command-context.ts';
import { usageError } from './errors.ts';
import { passwordFor } from './prompt.ts';
import type { ResolvedPushOptions } from './push-options.ts';

/** Where a push takes its credentials from. */
export interface CredentialsInUse {
  readonly provider: CredentialProvider;
  /** What the engine wants to know of the credentials of a destination, without the credentials. */
  identityFor(reference: Reference): Promise<Pick<Destination, 'hmacKey' | 'hasAuthInfo'>>;
}

/**
 * `--username` and its password for the one registry that is pushed to.
 *
 * @throws {CliError} `ERR_CLI_USAGE` when `--username` would send the password to more than one registry
 */
export async function openCredentials(
  options: Pick<ResolvedPushOptions, 'username' | 'passwordStdin' | 'authfile'>,
  references: readonly Reference[],
  context: CommandContext,
): Promise<CredentialsInUse> {
  const provider =
    options.username === undefined
      ? async () => undefined
      : await givenCredentials(options.username, options, references, context);
  return {
    provider,
    async identityFor({ registry, repository }) {
      const found = await provider(registry, { repository, signal: context.signal });
      if (found === undefined) return { hmacKey: undefined, hasAuthInfo: false };
      const config = found.kind === 'basic' ? { username: found.username, password: found.password } : {};
      return { hmacKey: computeHmacKey(config), hasAuthInfo: true };
    },
  };
}

async function givenCredentials(
  username: string,
  { passwordStdin }: Pick<ResolvedPushOptions, 'passwordStdin'>,
  references: readonly Reference[],
  context: CommandContext,
): Promise<CredentialProvider> {
  const [first, ...others] = new Set(references.map(({ registry }) => registry));
  if (others.length > 0) {
    throw usageError(
      '--username is for one registry, and the destinations are in several',
      'use `slipway login` for each',
    );
  }
  const password = await passwordFor(username, passwordStdin === true, context);
  return async (registry) => (registry === first ? { kind: 'basic', username, password } : undefined);
}
