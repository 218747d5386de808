import { aFunction, anObject, assertOptions, aText } from '@slipway/arguments';
import {
  type CredentialProvider,
  type CredentialSources,
  type Credentials,
  createCredentialProvider,
} from '@slipway/docker-credentials';
import type { ClientEnvironment } from '../environment.ts';
import { ClientError, optionError } from '../errors.ts';
import { asUserProvider, type TrackedCredentials, trackCredentials } from './tracked-credentials.ts';

/** A user's name and password, or access token in place of the password. */
export interface UserAndPassword {
  readonly username: string;
  readonly password: string;
}

/** What one registry is shown. */
export type RegistryCredentials =
  | UserAndPassword
  /** An OAuth2 refresh token, as `docker login` gets it from some registries. */
  | { readonly identityToken: string }
  /** A bearer token that is sent as it is. */
  | { readonly registryToken: string };

/**
 * Credentials from outside. A user name and a password are for one registry, the first that the client pushes to or
 * opens a repository of; for sources the credentials that docker and podman keep count, as with
 * `slipway push --username`. By registry (`ghcr.io`, `docker.io`), or from a provider, they are for sources too.
 */
export type CredentialsChoice = UserAndPassword | Readonly<Record<string, RegistryCredentials>> | CredentialProvider;

/** Whose credentials are shown to whom. */
export interface ClientCredentials {
  readonly forDestinations: TrackedCredentials;
  readonly forSources: TrackedCredentials;
  /**
   * Makes sure that credentials for one registry are shown to one only.
   *
   * @throws {ClientError} `ERR_CLIENT_ONE_REGISTRY`
   */
  assertFor(registries: readonly string[]): void;
}

export interface ClientCredentialsOptions {
  readonly credentials?: CredentialsChoice | undefined;
  readonly authfile?: string | undefined;
  readonly environment: Pick<ClientEnvironment, 'variables' | 'homeFolder'>;
  /** Told what a user should know. */
  readonly warn: (message: string) => void;
}

/** Where this user's credentials are looked up and kept. */
export function credentialSourcesOf(options: Omit<ClientCredentialsOptions, 'credentials'>): CredentialSources {
  assertOptions('options', options, {
    required: { environment: anObject, warn: aFunction },
    optional: { authfile: aText },
  });
  const { authfile, environment, warn } = options;
  const { variables, homeFolder } = environment;
  return { env: variables, homeFolder, authFile: authfile, onWarning: warn };
}

/** @throws {ClientError} `ERR_CLIENT_OPTION` when `credentials` are none */
export function openClientCredentials(options: ClientCredentialsOptions): ClientCredentials {
  const { credentials, authfile, environment, warn } = options;
  const sources = credentialSourcesOf({ authfile, environment, warn });
  if (credentials === undefined) return forAll(trackCredentials(createCredentialProvider(sources)));
  if (typeof credentials === 'function') return forAll(trackCredentials(asUserProvider(credentials)));
  assertObject(credentials);
  if (!isUserAndPassword(credentials)) return forAll(trackCredentials(asUserProvider(byRegistry(credentials))));
  let own: string | undefined;
  return {
    forDestinations: trackCredentials(createCredentialProvider({ ...sources, explicit: credentials })),
    forSources: trackCredentials(createCredentialProvider(sources)),
    assertFor(registries) {
      for (const registry of registries) {
        own ??= registry;
        if (registry !== own) throw oneRegistry(own, registry);
      }
    },
  };
}

function forAll(provider: TrackedCredentials): ClientCredentials {
  return { forDestinations: provider, forSources: provider, assertFor() {} };
}

function byRegistry(choice: Readonly<Record<string, RegistryCredentials>>): CredentialProvider {
  const known = new Map(
    Object.entries(choice).map(([registry, given]) => [registry, credentialsFrom(registry, given)]),
  );
  return async (registry) => known.get(registry);
}

function credentialsFrom(registry: string, given: RegistryCredentials): Credentials {
  assertObject(given);
  if (isUserAndPassword(given)) return { kind: 'basic', username: given.username, password: given.password };
  const { identityToken, registryToken } = given as { identityToken?: unknown; registryToken?: unknown };
  if (typeof identityToken === 'string') return { kind: 'identity-token', token: identityToken };
  if (typeof registryToken === 'string') return { kind: 'registry-token', token: registryToken };
  throw optionError(
    `Expected \`credentials\` of ${JSON.stringify(registry)} to have a username and a password, or a token`,
  );
}

function isUserAndPassword(value: object): value is UserAndPassword {
  const { username, password } = value as { username?: unknown; password?: unknown };
  return typeof username === 'string' && typeof password === 'string';
}

function assertObject(value: unknown): asserts value is object {
  if (typeof value === 'object' && value !== null) return;
  throw optionError(
    'Expected `credentials` to be a username and a password, credentials by registry, or a function that looks them up',
  );
}

function oneRegistry(own: string, other: string): ClientError {
  return new ClientError(
    'ERR_CLIENT_ONE_REGISTRY',
    `one user name and password are for one registry, not for ${own} and ${other}`,
    { hint: 'give `credentials` by registry' },
  );
}
