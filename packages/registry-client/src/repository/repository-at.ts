import type { Access } from '../auth/authorizer.ts';
import type { RegistryConnection } from '../registry-connection.ts';

/** Where a repository is, and how it may be used: what all its requests have in common. */
export interface RepositoryAt {
  readonly connection: RegistryConnection;
  /** Path within the registry. */
  readonly name: string;
  readonly access: Access;
  /** Questions about manifests do not wait for the ping. */
  readonly isAhead: boolean;
  /** The target of a request: `/v2/<name>/<rest>`. */
  path(rest: string): string;
}
