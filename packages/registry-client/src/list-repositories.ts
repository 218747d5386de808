import type { Access } from './auth/authorizer.ts';
import { RegistryError, reworded } from './errors.ts';
import { listedNames, pageQuery } from './pages.ts';
import type { RegistryConnection } from './registry-connection.ts';
import type { ListOptions } from './repository.ts';

const access: Access = { repository: undefined, scopes: ['registry:catalog:*'] };

/** Walks the catalog. @see https://distribution.github.io/distribution/spec/api/#listing-repositories */
export async function* listRepositories(
  connection: RegistryConnection,
  { signal, ...page }: ListOptions,
): AsyncGenerator<string, void, void> {
  const target = `/v2/_catalog${pageQuery(page)}`;
  try {
    yield* listedNames(connection, { target, access, expect: [200], signal }, 'repositories');
  } catch (error) {
    if (!(error instanceof RegistryError) || error.code === 'ERR_REGISTRY_PROTOCOL') throw error;
    if (![404, 405, 501].includes(error.status ?? 0)) throw error;
    const operation = 'list-repositories';
    throw reworded(error, error.message, { code: 'ERR_REGISTRY_UNSUPPORTED', operation, transient: false });
  }
}
