import type { RegistryFacts } from '@slipway/client';
import { whereOf } from './credential-advice.ts';

/**
 * Says in a line whose credentials there are for a registry, and where they are kept; for `--verbose`. No secret is in
 * it.
 */
export function credentialLine({ registry, credentials }: Pick<RegistryFacts, 'registry' | 'credentials'>): string {
  const { found } = credentials;
  if (found === undefined) return `Credentials for ${registry}: none`;
  const who = found.username === undefined ? 'a token' : JSON.stringify(found.username);
  const isWithoutPort = found.key !== undefined && /:(?:443|80)$/.test(registry) && !/:\d+/.test(found.key);
  const entry = found.key === undefined || found.key === registry ? '' : `, entry ${JSON.stringify(found.key)}`;
  return `Credentials for ${registry}: ${who}, ${whereOf(found)}${entry}${isWithoutPort ? ' without the port' : ''}`;
}
