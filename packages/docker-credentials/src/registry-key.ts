import { aString, assertArgument, listOf } from '@slipway/arguments';

const dockerHub = 'docker.io';
const dockerHubHosts: ReadonlySet<string> = new Set([dockerHub, 'index.docker.io', 'registry-1.docker.io']);

/** Under this address docker keeps the credentials of Docker Hub, and asks helpers for them. */
const dockerHubAddress = 'https://index.docker.io/v1/';

/** The address that docker knows a registry by: its host, except for Docker Hub. */
export function serverAddressOf(registry: string): string {
  const host = normalizeKey(registry);
  return host === dockerHub ? dockerHubAddress : host;
}

/**
 * Addresses to ask a helper for, the likelier first: podman keeps Docker Hub under its plain name, and `HOST:443` is
 * often kept as `HOST`.
 */
export function helperAddressesOf(registry: string): readonly string[] {
  const address = serverAddressOf(registry);
  if (address === dockerHubAddress) return [address, dockerHub];
  return hostsMeaning(address).filter((host) => host === address || address.startsWith(`${host}:`));
}

/**
 * Makes the many ways to write a key one: scheme, `/v1/` and `/v2/` go, Docker Hub has one name. What is left of a path
 * is a namespace, as podman writes it, unless there was a scheme, which podman never writes.
 */
export function normalizeKey(key: string): string {
  const bare = key.replace(/^https?:\/\//i, '');
  const [host = '', ...path] = bare.replace(/\/+$/, '').split('/');
  const name = dockerHubHosts.has(host.toLowerCase()) ? dockerHub : host.toLowerCase();
  const isAddress = bare !== key || /^v[12]$/.test(path.join('/'));
  return isAddress || path.length === 0 ? name : `${name}/${path.join('/')}`;
}

/**
 * Finds the entry for a registry among keys as people and tools write them: the longest namespace that holds the
 * repository, then the registry; the exact key before those that merely mean the same; the port that is the default
 * may be written or not.
 */
export function findRegistryKey(keys: readonly string[], registry: string, repository?: string): string | undefined {
  assertArgument('keys', keys, listOf(aString));
  assertArgument('registry', registry, aString);
  if (repository !== undefined) assertArgument('repository', repository, aString);
  const hosts = hostsMeaning(normalizeKey(registry));
  const path = repository === undefined || repository === '' ? [] : repository.split('/');
  for (let length = path.length; length >= 0; length -= 1) {
    for (const host of hosts) {
      const wanted = [host, ...path.slice(0, length)].join('/');
      const exact = length === 0 ? serverAddressOf(host) : wanted;
      const found = keys.find((key) => key === exact) ?? keys.find((key) => normalizeKey(key) === wanted);
      if (found !== undefined) return found;
    }
  }
  return undefined;
}

/** The host itself first; `HOST:443` and `HOST:80` also mean `HOST`, and `HOST` also means `HOST:443`. */
function hostsMeaning(host: string): readonly string[] {
  const [, bare, port] = /^(.*[^:]):(\d+)$/.exec(host) ?? [];
  if (bare === undefined) return host === dockerHub ? [host] : [host, `${host}:443`];
  return port === '443' || port === '80' ? [host, bare] : [host];
}
