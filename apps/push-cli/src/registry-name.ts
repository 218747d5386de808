import { assertNoUser } from '@slipway/client';
import { parseReference } from '@slipway/reference';
import { usageError } from './errors.ts';

/**
 * A registry as people name it: `ghcr.io`, `https://ghcr.io/`, `https://ghcr.io/v2/`, or Docker Hub's old address.
 *
 * @throws {CliError} `ERR_CLI_USAGE`
 */
export function parseRegistry(text: string): string {
  assertNoUser(text);
  const host = text.replace(/^https?:\/\//i, '').replace(/(?:\/v[12])?\/*$/, '');
  if (/^(?:docker\.io|index\.docker\.io|registry-1\.docker\.io)$/i.test(host)) return 'docker.io';
  const wrong = usageError(
    `${JSON.stringify(text)} is no registry`,
    'a registry is a host with an optional port, such as ghcr.io',
  );
  if (host === '' || host.includes('/')) throw wrong;
  try {
    // A registry without a dot, a port or the name localhost could not be told from a repository in a reference.
    if (parseReference(`${host}/name`).registry === host) return host;
  } catch {
    throw wrong;
  }
  throw wrong;
}
