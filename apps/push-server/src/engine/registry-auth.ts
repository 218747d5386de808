import type { AuthConfig } from '@slipway/docker-credentials';

const maxHeaderChars = 64 * 1024;

/**
 * Reads `X-Registry-Auth`: base64url of docker's auth config. What cannot be read counts as empty, as docker's daemon
 * has it.
 */
export function parseRegistryAuth(header: string | readonly string[] | undefined): AuthConfig {
  if (typeof header !== 'string' || header.length > maxHeaderChars) return {};
  try {
    return authConfigOf(JSON.parse(Buffer.from(header, 'base64url').toString('utf8')));
  } catch {
    return {};
  }
}

/** The members of an auth config that are texts; the rest is dropped. */
export function authConfigOf(value: unknown): AuthConfig {
  if (typeof value !== 'object' || value === null) return {};
  const members = value as Readonly<Record<string, unknown>>;
  const text = (name: string): string | undefined => {
    const member = members[name];
    return typeof member === 'string' && member !== '' ? member : undefined;
  };
  return {
    username: text('username'),
    password: text('password'),
    auth: text('auth'),
    identitytoken: text('identitytoken'),
    registrytoken: text('registrytoken'),
  };
}
