import type { Client } from '@slipway/client';

/** Tags of a repository, as many as were asked for. */
export interface RepositoryTags {
  /** In the order of the registry. */
  readonly tags: readonly string[];
  /** Whether there are more. */
  readonly moreTags: boolean;
}

/**
 * Lists the tags of the repository that a source of a registry is in.
 *
 * @param source `docker://REF`
 * @param most where to stop
 * @throws {RegistryError} when the registry lists none, or denies it
 */
export async function repositoryTags(
  client: Client,
  source: string,
  most: number,
  signal: AbortSignal,
): Promise<RepositoryTags> {
  const repository = await client.repository(source.slice('docker://'.length), { access: 'pull', signal });
  const tags: string[] = [];
  for await (const tag of repository.listTags({ signal, pageSize: Math.min(most + 1, 1000) })) {
    if (tags.length === most) return { tags, moreTags: true };
    tags.push(tag);
  }
  return { tags, moreTags: false };
}
