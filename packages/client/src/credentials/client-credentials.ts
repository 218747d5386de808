import { aFunction, anObject, assertOptions, aText } from '@slipway/arguments';
import {
  type CredentialLookup,
  type CredentialProvider,
  type CredentialSources,
  type Credentials,
  createCredentialProvider,
  findRegistryKey,
  type RegistryCredentials,
  readCredentials,
  someCredentials,
  type UserAndPassword,
} from '@slipway/docker-credentials';
import { abortable } from '@slipway/transfer';
import type { ClientEnvironment } from '../environment.ts';
import { ClientError, optionError } from '../errors.ts';
import { assertNoUser } from '../names/assert-no-user.ts';
import { registryNamed } from '../names/registry-named.ts';
import { asUserProvider, type TrackedCredentials, trackCredentials } from './tracked-credentials.ts';

/**
 * Credentials from outside. A user name and a password are for one registry, the first that the client pushes to or
 * opens a repository of; for sources the credentials that docker and podman keep count, as with
 * `slipway push --username`. By registry (`ghcr.io`, `docker.io`, or an address as docker has it), or from a function,
 * they are for sources too.
 */
export type CredentialsChoice = UserAndPassword | Readonly<Record<string, RegistryCredentials>> | CredentialLookup;

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

/** @throws {ClientError} `ERR_CLIENT_OPTION` when `credentials` are none, now or when they are looked up */
export function openClientCredentials(options: ClientCredentialsOptions): ClientCredentials {
  const { credentials, authfile, environment, warn } = options;
  const sources = credentialSourcesOf({ authfile, environment, warn });
  if (credentials === undefined) return forAll(trackCredentials(createCredentialProvider(sources)));
  if (typeof credentials === 'function') return forAll(trackCredentials(asUserProvider(providerOf(credentials))));
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

/** Docker's own providers answer what they have to, and can do more. */
function providerOf(lookup: CredentialLookup): CredentialProvider {
  if ('authConfigOf' in lookup) return lookup as CredentialProvider;
  return async (registry, options) => {
    // It may not look at the signal, and never answer.
    const found: unknown = await abortable(Promise.resolve(lookup(registry, options)), options?.signal);
    return found === undefined || found === null ? undefined : credentialsFrom(registry, found);
  };
}

function byRegistry(choice: object): CredentialProvider {
  if (!isPlainObject(choice)) throw wrongChoice();
  const known = new Map<string, Credentials>();
  for (const [key, given] of Object.entries(choice)) {
    if (typeof given !== 'object' || given === null) throw wrongChoice();
    assertNoUser(key);
    const registry = registryNamed(key);
    if (registry === undefined)
      throw optionError(
        `Expected \`credentials\` by registry, got ${JSON.stringify(key)}`,
        'a registry is a host with an optional port, such as ghcr.io',
      );
    if (known.has(registry)) throw optionError(`Expected \`credentials\` to name ${registry} once, got it twice`);
    known.set(registry, credentialsFrom(key, given));
  }
  const names = [...known.keys()];
  return async (registry) => known.get(findRegistryKey(names, registry) ?? '');
}

/** Of any realm: what is made in a `vm` has prototypes of its own. */
function isPlainObject(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return !Array.isArray(value) && (prototype === null || Object.getPrototypeOf(prototype) === null);
}

function credentialsFrom(registry: string, given: unknown): Credentials {
  if (someCredentials.is(given)) return readCredentials(given);
  throw optionError(
    `Expected \`credentials\` of ${JSON.stringify(registry)} to have a username and a password, or a token`,
  );
}

function isUserAndPassword(value: unknown): value is UserAndPassword {
  if (typeof value !== 'object' || value === null) throw wrongChoice();
  const { username, password } = value as { username?: unknown; password?: unknown };
  return typeof username === 'string' && typeof password === 'string';
}

function wrongChoice(): ClientError {
  return optionError(
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
