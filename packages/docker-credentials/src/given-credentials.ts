import { type Kind, kind, unexpected } from '@slipway/arguments';
import type { CredentialProviderOptions, Credentials } from './credentials.ts';

/** A user's name and password, or access token in place of the password. */
export interface UserAndPassword {
  readonly username: string;
  readonly password: string;
}

/** What one registry is shown, as programs write it. */
export type RegistryCredentials =
  | UserAndPassword
  /** An OAuth2 refresh token, as `docker login` gets it from some registries. */
  | { readonly identityToken: string }
  /** A bearer token that is sent as it is. */
  | { readonly registryToken: string };

/**
 * A program's own function that looks credentials up, at once or later. Undefined or null means that it has none for
 * this registry, which is then used anonymously.
 */
export type CredentialLookup = (registry: string, options?: CredentialProviderOptions) => LookedUp | Promise<LookedUp>;

type LookedUp = Credentials | RegistryCredentials | undefined | null;

/** Credentials of any shape that {@link readCredentials} reads. */
export const someCredentials: Kind = kind(
  'a username and a password, an identityToken or a registryToken',
  (value) => credentialsIn(value) !== undefined,
);

/**
 * Reads credentials in any shape that a program may have them in. What is none is refused: taken for no credentials, it
 * would have a registry used anonymously, in silence.
 *
 * @param argument what the error calls them
 * @throws {ArgumentError} `ERR_ARGUMENT`
 */
export function readCredentials(given: unknown, argument = 'credentials'): Credentials {
  const credentials = credentialsIn(given);
  if (credentials === undefined) throw unexpected(argument, someCredentials.name, given);
  return credentials;
}

type Members = Readonly<
  Partial<Record<'kind' | 'token' | 'username' | 'password' | 'identityToken' | 'registryToken', unknown>>
>;

function credentialsIn(given: unknown): Credentials | undefined {
  if (typeof given !== 'object' || given === null) return undefined;
  const { kind: ofKind, token, username, password, identityToken, registryToken } = given as Members;
  if (ofKind === 'identity-token' || ofKind === 'registry-token') return tokenOf(ofKind, token);
  if (ofKind !== undefined && ofKind !== 'basic') return undefined;
  if (typeof username === 'string' && typeof password === 'string') return { kind: 'basic', username, password };
  if (ofKind === 'basic') return undefined;
  return tokenOf('identity-token', identityToken) ?? tokenOf('registry-token', registryToken);
}

function tokenOf(ofKind: 'identity-token' | 'registry-token', token: unknown): Credentials | undefined {
  const text = typeof token === 'string' ? token.trim() : '';
  return text === '' ? undefined : { kind: ofKind, token: text };
}
