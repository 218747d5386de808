import type { ClientEnvironment } from '@slipway/client';
import { type AuthConfig, createCredentialProvider } from '@slipway/docker-credentials';
import { RequestError, ServerError } from '../../errors.ts';
import type { Auths } from './sealed-credentials.ts';

/** Credentials that the daemon's configuration has under a name, for clients that shall not know them. */
export interface NamedCredentials {
  /** @throws {RequestError} 400 when there is no such name */
  assertKnown(name: string): void;
  /** Reads them anew, so that renewed ones count at once. @throws {RequestError} 400 when there is no such name */
  auths(name: string, registries: readonly string[]): Promise<Auths>;
}

/**
 * Reads `NAME=FILE` entries; each file is one of docker's or podman's, credential helpers included.
 *
 * @throws {ServerError} `ERR_SERVER_CONFIG`
 */
export function createNamedCredentials(
  entries: readonly string[],
  { homeFolder, variables }: Pick<ClientEnvironment, 'homeFolder' | 'variables'>,
): NamedCredentials {
  const files = new Map<string, string>();
  for (const entry of entries) {
    const [, name, file] = /^([A-Za-z0-9._-]{1,64})=(\/.+)$/.exec(entry) ?? [];
    if (name === undefined || file === undefined) {
      throw new ServerError(
        'ERR_SERVER_CONFIG',
        `--job-credentials: expected NAME=/PATH, got ${JSON.stringify(entry)}`,
      );
    }
    files.set(name, file);
  }
  const fileOf = (name: string): string => {
    const file = files.get(name);
    if (file === undefined)
      throw new RequestError(400, `there are no credentials ${JSON.stringify(name)} in the daemon's configuration`);
    return file;
  };
  return {
    assertKnown: (name) => void fileOf(name),
    async auths(name, registries) {
      const provider = createCredentialProvider({ env: variables, homeFolder, authFile: fileOf(name) });
      const found = await Promise.all(
        registries.map(async (registry) => [registry, await provider.authConfigOf(registry)] as const),
      );
      return new Map(found.filter((entry): entry is readonly [string, AuthConfig] => entry[1] !== undefined));
    },
  };
}
