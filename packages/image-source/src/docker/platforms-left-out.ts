import type { AbortOptions } from '@slipway/digest';
import { type Descriptor, formatPlatform, isIndexMediaType } from '@slipway/manifest';
import { parseJson } from '../documents.ts';
import type { SourceFiles } from '../files/source-files.ts';
import { readMember } from '../files/stored-content.ts';
import type { SourceNotice } from '../image-source.ts';
import { ociIndexName } from '../oci/oci-layout.ts';

export interface PlatformsLeftOutOptions extends AbortOptions {
  /** The archive as the user wrote it: a path, or `-`. */
  readonly path: string;
  /** Bytes that a list may have. */
  readonly maxListBytes: number;
}

/**
 * What to tell of an archive of both kinds that is read as docker's: its layout may hold images for several platforms,
 * and docker's list can name one of them.
 */
export async function platformsLeftOut(
  files: SourceFiles,
  options: PlatformsLeftOutOptions,
): Promise<SourceNotice | undefined> {
  const platforms = new Set<string>();
  for (const { mediaType, digest } of await descriptorsIn(files, ociIndexName, options)) {
    if (!isIndexMediaType(mediaType)) continue;
    for (const { platform, digest: own } of await descriptorsIn(files, blobPath(digest), options)) {
      if (platform === undefined || platform.os === 'unknown' || !(await files.find(blobPath(own)))) continue;
      platforms.add(formatPlatform(platform));
    }
  }
  if (platforms.size < 2) return undefined;
  const message =
    `${JSON.stringify(files.name)} holds images for ${[...platforms].join(', ')}, and is read as a docker archive, ` +
    `which names one of them: write oci-archive:${options.path} for all`;
  return { code: 'platforms-left-out', message };
}

/** The descriptors of a list, as far as it can be read: nothing but the notice depends on it. */
async function descriptorsIn(
  files: SourceFiles,
  path: string,
  { maxListBytes, signal }: PlatformsLeftOutOptions,
): Promise<readonly Descriptor[]> {
  try {
    const list = parseJson(await readMember(files, path, maxListBytes, { signal }), path);
    const { manifests } = list as { readonly manifests?: unknown };
    return Array.isArray(manifests) ? manifests.filter((each) => typeof each?.digest === 'string') : [];
  } catch {
    signal?.throwIfAborted();
    return [];
  }
}

function blobPath(digest: string): string {
  return `blobs/${digest.replace(':', '/')}`;
}
