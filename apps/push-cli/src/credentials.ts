import {
  type CredentialProvider,
  type CredentialSources,
  createCredentialProvider,
  hasAuthInfo,
  type UserCredentialProvider,
} from '@slipway/docker-credentials';
import { computeHmacKey } from '@slipway/metadata-store';
import type { Destination } from '@slipway/push';
import type { Reference } from '@slipway/reference';
import type { CommandContext } from './command-context.ts';
import type { ConnectionOptions } from './connection-options.ts';
import type { Environment } from './environment.ts';
import { usageError } from './errors.ts';
import { passwordFor } from './prompt.ts';
import type { ResolvedPushOptions } from './push-options.ts';
import type { RegistryFacts } from './registry-facts.ts';

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

/** Credentials that know whether a registry asked for them. */
export interface TrackedCredentials extends UserCredentialProvider {
  /** What is known of a registry's credentials, for the advice after a failure; undefined when that cannot be found out. */
  factsOf(reference: Pick<Reference, 'registry' | 'repository'>): Promise<RegistryFacts | undefined>;
}

/** Notes which registries ask for credentials. */
export function trackCredentials(provider: UserCredentialProvider): TrackedCredentials {
  const asked = new Set<string>();
  const provide: CredentialProvider = async (registry, options) => {
    asked.add(registry);
    return await provider(registry, options);
  };
  return Object.assign(provide, {
    authConfigOf: provider.authConfigOf,
    describe: provider.describe,
    async factsOf({ registry, repository }: Pick<Reference, 'registry' | 'repository'>) {
      const credentials = await provider.describe(registry, { repository }).catch(() => undefined);
      return credentials && { registry, credentials, wasAsked: asked.has(registry) };
    },
  });
}

/**
 * The credentials for the destinations: `--username` and its password, else those that docker and podman keep.
 *
 * @throws {CliError} `ERR_CLI_USAGE` when `--username` would show the password to more than one registry
 */
export async function openCredentials(
  options: Pick<ResolvedPushOptions, 'username' | 'passwordStdin' | 'authfile'>,
  references: readonly Pick<Reference, 'registry'>[],
  context: CommandContext,
  warn: (message: string) => void,
): Promise<TrackedCredentials> {
  const sources = credentialSources(options, context.environment, warn);
  const { username } = options;
  if (username === undefined) return trackCredentials(createCredentialProvider(sources));
  if (new Set(references.map(({ registry }) => registry)).size > 1) {
    throw usageError(
      '--username is for one registry, and the destinations are in several',
      'use `slipway login` for each',
    );
  }
  const password = await passwordFor(username, options.passwordStdin === true, context);
  return trackCredentials(createCredentialProvider({ ...sources, explicit: { username, password } }));
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
