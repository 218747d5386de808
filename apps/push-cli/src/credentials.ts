import { computeHmacKey } from '@slipway/metadata-store';
import type { Destination } from '@slipway/push';
import type { Reference } from '@slipway/reference';
import {
  type CredentialSources,
  createCredentialProvider,
  hasAuthInfo,
  type UserCredentialProvider,
} from '@slipway/registry-client';
import type { CommandContext } from './command-context.ts';
import type { ConnectionOptions } from './connection-options.ts';
import type { Environment } from './environment.ts';
import { usageError } from './errors.ts';
import { passwordFor } from './prompt.ts';
import type { ResolvedPushOptions } from './push-options.ts';

/** Where this user's credentials are looked up and kept. */
export function credentialSources(
  { authfile }: Pick<ConnectionOptions, 'authfile'>,
  { variables, homeFolder }: Pick<Environment, 'variables' | 'homeFolder'>,
  warn: (message: string) => void,
): CredentialSources {
  return {
    env: variables,
    homeFolder,
    authFile: authfile,
    onWarning: warn,
  };
}

/**
 * The credentials for the destinations: `--username` and its password, else those that docker and podman keep.
 *
 * @throws {CliError} `ERR_CLI_USAGE` when `--username` would show the password to more than one registry
 */
export async function openCredentials(
  options: Pick<ResolvedPushOptions, 'username' | 'passwordStdin' | 'authfile'>,
  references: readonly Reference[],
  context: CommandContext,
  warn: (message: string) => void,
): Promise<UserCredentialProvider> {
  const sources = credentialSources(options, context.environment, warn);
  const { username } = options;
  if (username === undefined) return createCredentialProvider(sources);
  if (new Set(references.map(({ registry }) => registry)).size > 1) {
    throw usageError(
      '--username is for one registry, and the destinations are in several',
      'use `slipway login` for each',
    );
  }
  const password = await passwordFor(username, options.passwordStdin === true, context);
  return createCredentialProvider({ ...sources, explicit: { username, password } });
}

/** What the engine wants to know of a destination's credentials, without the credentials. */
export async function identityFor(
  { registry, repository }: Reference,
  provider: UserCredentialProvider,
  { signal }: Pick<CommandContext, 'signal'>,
): Promise<Pick<Destination, 'hmacKey' | 'hasAuthInfo'>> {
  const config = await provider.authConfigOf(registry, { repository, signal });
  // No credentials are an empty config for docker, whose key marks what is pushed without a name.
  return { hmacKey: computeHmacKey(config ?? {}), hasAuthInfo: hasAuthInfo(config) };
}
