import { aString, assertArgument } from '@slipway/arguments';
import { parseReference } from '@slipway/reference';

/**
 * The registry that people name, as references have it: `ghcr.io`, `https://ghcr.io/`, `https://ghcr.io/v2/`, or one of
 * Docker Hub's addresses. Undefined for what is no registry.
 */
export function registryNamed(text: string): string | undefined {
  assertArgument('text', text, aString);
  const host = text.replace(/^https?:\/\//i, '').replace(/(?:\/v[12])?\/*$/, '');
  if (/^(?:docker\.io|index\.docker\.io|registry-1\.docker\.io)$/i.test(host)) return 'docker.io';
  if (host === '' || host.includes('/')) return undefined;
  try {
    // A registry without a dot, a port or the name localhost could not be told from a repository in a reference.
    return parseReference(`${host}/name`).registry === host ? host : undefined;
  } catch {
    return undefined;
  }
}
