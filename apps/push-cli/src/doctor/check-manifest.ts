import { type Check, notReached } from './check.ts';
import { repositoryWanted } from './repository-wanted.ts';

/** Whether the repository can be read: asks for one tag with HEAD. */
export const checkManifest: Check = {
  name: 'read',
  async run(scene) {
    const { reached, target, context } = scene;
    if (reached === undefined || target === undefined) return notReached(scene);
    const { repository, tag } = target;
    if (repository === undefined) return repositoryWanted(target);
    const stat = await reached.registry.repository(repository).statManifest(tag, { signal: context.signal });
    if (stat === undefined)
      return { status: 'ok', summary: `${repository} may be read; it has no tag ${tag}`, facts: { tag } };
    return {
      status: 'ok',
      summary: `${repository}:${tag} is ${stat.digest ?? 'there'}`,
      facts: { tag, digest: stat.digest, mediaType: stat.mediaType },
    };
  },
};
