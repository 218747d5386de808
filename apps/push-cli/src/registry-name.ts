import { assertNoUser, registryNamed } from '@slipway/client';
import { usageError } from './errors.ts';

/**
 * A registry as people name it: `ghcr.io`, `https://ghcr.io/`, `https://ghcr.io/v2/`, or Docker Hub's old address.
 *
 * @throws {CliError} `ERR_CLI_USAGE`
 */
export function parseRegistry(text: string): string {
  assertNoUser(text);
  const registry = registryNamed(text);
  if (registry !== undefined) return registry;
  throw usageError(
    `${JSON.stringify(text)} is no registry`,
    'a registry is a host with an optional port, such as ghcr.io',
  );
}
