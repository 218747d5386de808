import { anObject, assertArgument } from '@slipway/arguments';
import type { Credentials } from './credentials.ts';
import { readCredentials } from './given-credentials.ts';

/** Credentials as Docker writes them: in `auths` of `config.json`, in `X-Registry-Auth`. */
export interface AuthConfig {
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  /** Base64 of `username:password`. */
  readonly auth?: string | undefined;
  readonly identitytoken?: string | undefined;
  readonly registrytoken?: string | undefined;
}

/** The user name under which Docker keeps an identity token. */
export const tokenUsername = '<token>';

/**
 * What a client uses of an auth config: the registry token before the identity token before user name and password.
 * Undefined when there is nothing to use, or `auth` cannot be read.
 */
export function credentialsOf(authConfig: AuthConfig): Credentials | undefined {
  assertArgument('authConfig', authConfig, anObject);
  // Whoever pastes a token, or reads it from a file, leaves a line break in it.
  const [identitytoken, registrytoken] = [authConfig.identitytoken?.trim(), authConfig.registrytoken?.trim()];
  if (registrytoken) return { kind: 'registry-token', token: registrytoken };
  if (identitytoken) return { kind: 'identity-token', token: identitytoken };
  const { username = '', password = '' } = authConfig.auth ? (decodeAuth(authConfig.auth) ?? {}) : authConfig;
  if (username === tokenUsername && password !== '') return { kind: 'identity-token', token: password };
  return username !== '' && password !== '' ? { kind: 'basic', username, password } : undefined;
}

/**
 * The auth config that the docker client would send for these credentials, and that the HMAC key is made of.
 *
 * @throws {ArgumentError} `ERR_ARGUMENT` when they are none
 */
export function authConfigFrom(given: Credentials): AuthConfig {
  const credentials = readCredentials(given);
  switch (credentials.kind) {
    case 'basic':
      return { username: credentials.username, password: credentials.password };
    case 'identity-token':
      return { identitytoken: credentials.token };
    case 'registry-token':
      return { registrytoken: credentials.token };
    default:
      return credentials satisfies never;
  }
}

/**
 * Reads base64 of `username:password`; undefined when it is not that. Tools that wrap base64 leave line breaks in it,
 * and docker pads short passwords with NULs: both go.
 */
export function decodeAuth(auth: string): { readonly username: string; readonly password: string } | undefined {
  const compact = auth.replace(/\s+/g, '');
  if (!/^[A-Za-z0-9+/_-]+={0,2}$/.test(compact)) return undefined;
  const text = Buffer.from(compact, 'base64').toString('utf8');
  const colon = text.indexOf(':');
  if (colon < 1) return undefined;
  return { username: text.slice(0, colon), password: text.slice(colon + 1).replace(/^\0+|\0+$/g, '') };
}

/** The opposite of {@link decodeAuth}. */
export function encodeAuth(username: string, password: string): string {
  return Buffer.from(`${username}:${password}`, 'utf8').toString('base64');
}
