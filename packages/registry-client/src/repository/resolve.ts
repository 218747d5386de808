import type { Descriptor } from '@slipway/manifest';
import { RegistryError } from '../errors.ts';
import type { ManifestStat, RepositoryRequests, ResolveOptions } from '../repository.ts';
import { acceptAll } from './manifests.ts';

/** What a tag or digest names. A HEAD that tells too little, or is refused, is followed by a GET. */
export async function resolve(
  repository: Pick<RepositoryRequests, 'statManifest' | 'getManifest'>,
  tagOrDigest: string,
  { accept = acceptAll, verify = false, signal }: ResolveOptions,
): Promise<Descriptor | undefined> {
  const options = { accept, signal };
  if (!verify) {
    const stat = await repository.statManifest(tagOrDigest, options).catch(asUnknown);
    if (stat === undefined) return undefined;
    const { mediaType, digest, size } = stat;
    if (digest !== undefined && size !== undefined && mediaType !== '') return { mediaType, digest, size };
  }
  const manifest = await repository.getManifest(tagOrDigest, options);
  if (manifest === undefined) return undefined;
  const { mediaType, digest, bytes } = manifest;
  return { mediaType, digest, size: bytes.byteLength };
}

/**
 * Artifactory answers 403, and GitLab 401, to a HEAD of what is not there; some proxies let no HEAD through. A GET
 * tells.
 */
function asUnknown(error: unknown): ManifestStat {
  const isRefused = error instanceof RegistryError && [401, 403, 405].includes(error.status ?? 0);
  if (!isRefused) throw error;
  return { mediaType: '', digest: undefined, size: undefined };
}
