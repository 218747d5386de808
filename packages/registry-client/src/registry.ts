import { aBoolean, aNumber, aSignal, aString, assertOptions, oneOf } from '@slipway/arguments';
import type { AbortOptions } from '@slipway/digest';
import { openHTTP } from './http/open-http.ts';
import { listRepositories } from './list-repositories.ts';
import { type RegistryOptions, resolveRegistryOptions } from './options.ts';
import { type AccessReport, type Ping, RegistryConnection } from './registry-connection.ts';
import { createRepository } from './repository/registry-repository.ts';
import type { ListOptions, Repository } from './repository.ts';

/** How a repository is to be used. */
export interface RepositoryOptions {
  /** What tokens are asked for; some registries refuse a token with more rights than the user has. @default 'push' */
  readonly access?: 'push' | 'pull' | undefined;
  /**
   * Questions about manifests do not wait for the ping, which goes on beside them: saves a round trip where no
   * credentials are wanted, and costs a request where they are. @default false
   */
  readonly ahead?: boolean | undefined;
}

/** One registry. Leaving scope ends its connections. */
export interface Registry extends AsyncDisposable {
  /** Host and port as in references. */
  readonly name: string;
  /**
   * Asks `GET /v2/` once; later calls and all other requests share the answer. `ERR_REGISTRY_UNREACHABLE` when none
   * comes.
   */
  ping(options?: AbortOptions): Promise<Ping>;
  /**
   * What the registry is shown for the repository at `path`, and what its token allows: for diagnosis. Fetches a token
   * where the registry wants one.
   *
   * @throws {RegistryError} when credentials are missing or refused
   */
  describeAccess(path: string, options?: Pick<RepositoryOptions, 'access'> & AbortOptions): Promise<AccessReport>;
  /** The repository at `path`: `library/alpine`. Nothing is sent. `TypeError` for what could be no path. */
  repository(path: string, options?: RepositoryOptions): Repository;
  /**
   * The paths of all repositories, a page at a time: the catalog, which is no part of the specification, and which
   * public registries do not offer. What the registry lets the user see.
   *
   * @throws {RegistryError} `ERR_REGISTRY_UNSUPPORTED` where there is no catalog
   */
  listRepositories(options?: ListOptions): AsyncIterable<string>;
}

/**
 * Opens the way to a registry. Nothing is sent before it is used.
 *
 * @throws {TypeError | RangeError} when an option is not what it has to be
 * @example
 * await using registry = openRegistry({ url: 'http://127.0.0.1:5000' });
 * const stat = await registry.repository('demo/app').statManifest('latest');
 */
export function openRegistry(options: RegistryOptions): Registry {
  const resolved = resolveRegistryOptions(options);
  const { name } = resolved;
  const { http, dispatchers } = openHTTP(resolved);
  const connection = new RegistryConnection(resolved, http);
  let disposal: Promise<void> | undefined;
  return {
    name,
    ping: (pingOptions) => connection.ping(pingOptions),
    describeAccess: async (path, accessOptions = {}) => {
      assertOptions('options', accessOptions, { optional: { access: anAccess, signal: aSignal } });
      const { access = 'push', signal } = accessOptions;
      return await connection.describeAccess(
        { repository: path, scopes: [`repository:${path}:${actionsOf(access)}`] },
        { signal },
      );
    },
    repository(path, repositoryOptions = {}) {
      assertOptions('options', repositoryOptions, { optional: { access: anAccess, ahead: aBoolean } });
      const { access = 'push', ahead = false } = repositoryOptions;
      return createRepository(connection, path, { actions: actionsOf(access), isAhead: ahead });
    },
    listRepositories(listOptions = {}) {
      assertOptions('options', listOptions, { optional: { pageSize: aNumber, last: aString, signal: aSignal } });
      return listRepositories(connection, listOptions);
    },
    [Symbol.asyncDispose]: () => {
      connection.end();
      disposal ??= dispatchers.destroy();
      return disposal;
    },
  };
}

const anAccess = oneOf('push', 'pull');

function actionsOf(access: 'push' | 'pull'): string {
  return access === 'push' ? 'push,pull' : 'pull';
}
