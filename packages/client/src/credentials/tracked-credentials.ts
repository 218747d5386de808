import type { AbortOptions } from '@slipway/digest';
import {
  authConfigFrom,
  type CredentialProvider,
  type CredentialProviderOptions,
  hasAuthInfo,
  type UserCredentialProvider,
} from '@slipway/docker-credentials';
import { computeHmacKey } from '@slipway/metadata-store';
import type { DestinationIdentity } from '@slipway/push';
import type { Reference } from '@slipway/reference';
import type { RegistryFacts } from './registry-facts.ts';

/** Credentials that know whether a registry asked for them. */
export interface TrackedCredentials extends UserCredentialProvider {
  /**
   * What is known of a registry's credentials, for the advice after a failure; undefined when that cannot be found out.
   */
  factsOf(
    reference: Pick<Reference, 'registry' | 'repository'>,
    options?: AbortOptions,
  ): Promise<RegistryFacts | undefined>;
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
    async factsOf({ registry, repository }: Pick<Reference, 'registry' | 'repository'>, options?: AbortOptions) {
      const credentials = await provider.describe(registry, { ...options, repository }).catch(() => undefined);
      return credentials && { registry, credentials, wasAsked: asked.has(registry) };
    },
  });
}

/** A provider of somebody's own, with what a push wants to know besides. */
export function asUserProvider(provider: CredentialProvider): UserCredentialProvider {
  if ('authConfigOf' in provider && 'describe' in provider) return provider as UserCredentialProvider;
  return Object.assign<CredentialProvider, Pick<UserCredentialProvider, 'authConfigOf' | 'describe'>>(
    (registry, options) => provider(registry, options),
    {
      async authConfigOf(registry: string, options?: CredentialProviderOptions) {
        const credentials = await provider(registry, options);
        return credentials && authConfigFrom(credentials);
      },
      async describe(registry: string, options?: CredentialProviderOptions) {
        const credentials = await provider(registry, options);
        if (credentials === undefined) return { steps: [], found: undefined };
        const { kind } = credentials;
        const username = kind === 'basic' ? credentials.username : undefined;
        const endsInLineBreak = kind === 'basic' && /[\r\n]$/.test(credentials.password);
        const origin = { place: undefined, helper: undefined, key: undefined };
        return { steps: [], found: { ...origin, kind, username, endsInLineBreak } };
      },
    },
  );
}

/** What the engine wants to know of a destination's credentials, without the credentials, and whether there are any. */
export async function identityFor(
  { registry, repository }: Reference,
  provider: Pick<UserCredentialProvider, 'authConfigOf'>,
  { signal }: AbortOptions,
): Promise<DestinationIdentity & { readonly isAnonymous: boolean }> {
  const config = await provider.authConfigOf(registry, { repository, signal });
  // No credentials are an empty config for docker, whose key marks what is pushed without a name.
  const hmacKey = computeHmacKey(config ?? {});
  return { hmacKey, hasAuthInfo: hasAuthInfo(config), isAnonymous: config === undefined };
}
