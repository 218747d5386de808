import { anObject, assertArgument } from '@slipway/arguments';
import { type AuthConfig, decodeAuth, tokenUsername } from './auth-config.ts';

/**
 * Whether somebody pushes with credentials of their own, by docker's rule: a registry token counts, and so do a user
 * name with a password; an identity token alone does not. A refused mount says something about the source only then.
 *
 * @see https://github.com/moby/moby/blob/v25.0.0/distribution/push_v2.go#L82
 */
export function hasAuthInfo(authConfig: AuthConfig | undefined): boolean {
  if (authConfig !== undefined) assertArgument('authConfig', authConfig, anObject);
  if (authConfig === undefined) return false;
  if (authConfig.registrytoken) return true;
  const { username, password } = authConfig.auth ? (decodeAuth(authConfig.auth) ?? {}) : authConfig;
  return Boolean(username && password) && username !== tokenUsername;
}
