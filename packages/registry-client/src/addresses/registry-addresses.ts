import { lookup } from 'node:dns/promises';
import { aString, assertArgument } from '@slipway/arguments';

/**
 * What a registry's host resolves to, by the system's resolver; undefined when it cannot be told, or `registry` is no
 * host. For lists of registries that have address ranges.
 */
export async function registryAddresses(registry: string): Promise<readonly string[] | undefined> {
  assertArgument('registry', registry, aString);
  const text = `https://${registry}`;
  if (!URL.canParse(text)) return undefined;
  const { hostname } = new URL(text);
  try {
    return (await lookup(hostname.replace(/^\[(.*)\]$/, '$1'), { all: true })).map(({ address }) => address);
  } catch {
    return undefined;
  }
}
