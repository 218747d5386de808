import { type AbortOptions, digestBytes } from '@slipway/digest';
import { type Descriptor, formatPlatform, isIndexMediaType } from '@slipway/manifest';
import { parseJson } from '../documents.ts';
import type { SourceFiles } from '../files/source-files.ts';
import { readMember } from '../files/stored-content.ts';
import type { SourceNotice } from '../image-source.ts';
import { ociIndexName } from '../oci/oci-layout.ts';
import { dockerManifestName } from './docker-archive.ts';

export interface LayoutBesideOptions extends AbortOptions {
  /** The archive as the user wrote it: a path, or `-`. */
  readonly path: string;
  /** Bytes that a list may have. */
  readonly maxListBytes: number;
}

/** What the layout of an archive of both kinds has, and docker's list cannot name. */
export interface LayoutBeside {
  /** Every manifest that it names is there, and every image of docker's list is one of them. */
  readonly hasAll: boolean;
  /** What to tell where the archive is read as docker's all the same. */
  readonly notice: SourceNotice;
}

/**
 * Looks into the layout of an archive of both kinds: it may hold images for several platforms, and docker's list can
 * name one of them. Undefined where it does not.
 */
export async function layoutBeside(
  files: SourceFiles,
  options: LayoutBesideOptions,
): Promise<LayoutBeside | undefined> {
  const platforms = new Set<string>();
  const manifests = new Set<string>();
  let isWhole = true;
  const visit = async ({ mediaType, digest, platform }: Descriptor, depth: number): Promise<void> => {
    const path = blobPath(digest);
    if (!(await files.find(path))) isWhole = false;
    else if (isIndexMediaType(mediaType) && depth < 4) {
      for (const child of await descriptorsIn(files, path, options)) await visit(child, depth + 1);
    } else {
      if (depth > 0 && platform !== undefined && platform.os !== 'unknown') platforms.add(formatPlatform(platform));
      manifests.add(path);
    }
  };
  for (const entry of await descriptorsIn(files, ociIndexName, options)) await visit(entry, 0);
  if (platforms.size < 2) return undefined;
  const message =
    `${JSON.stringify(files.name)} holds images for ${[...platforms].join(', ')}, and is read as a docker archive, ` +
    `which names one of them: write oci-archive:${options.path} for all`;
  return {
    hasAll: isWhole && (await isListed(files, manifests, options)),
    notice: { code: 'platforms-left-out', message },
  };
}

/** Whether every config of docker's list is that of one of these manifests. */
async function isListed(
  files: SourceFiles,
  manifests: ReadonlySet<string>,
  options: LayoutBesideOptions,
): Promise<boolean> {
  const configs = new Set<string>();
  for (const path of manifests) {
    const { config } = (await documentIn(files, path, options)) as { readonly config?: Descriptor };
    configs.add(String(config?.digest));
  }
  const list = await documentIn(files, dockerManifestName, options);
  if (!Array.isArray(list)) return false;
  for (const image of list) {
    const bytes = await bytesIn(files, String(image?.Config), options);
    if (bytes === undefined || !configs.has(digestBytes(bytes))) return false;
  }
  return true;
}

/** The descriptors of a list, as far as it can be read. */
async function descriptorsIn(
  files: SourceFiles,
  path: string,
  options: LayoutBesideOptions,
): Promise<readonly Descriptor[]> {
  const { manifests } = (await documentIn(files, path, options)) as { readonly manifests?: unknown };
  return Array.isArray(manifests) ? manifests.filter((each) => typeof each?.digest === 'string') : [];
}

/** A document of the archive; an empty one where it cannot be read. */
async function documentIn(files: SourceFiles, path: string, options: LayoutBesideOptions): Promise<object> {
  const bytes = await bytesIn(files, path, options);
  try {
    const document = bytes && parseJson(bytes, path);
    return typeof document === 'object' && document !== null ? document : {};
  } catch {
    return {};
  }
}

async function bytesIn(
  files: SourceFiles,
  path: string,
  { maxListBytes, signal }: LayoutBesideOptions,
): Promise<Uint8Array | undefined> {
  try {
    return await readMember(files, path, maxListBytes, { signal });
  } catch {
    signal?.throwIfAborted();
    return undefined;
  }
}

function blobPath(digest: string): string {
  return `blobs/${digest.replace(':', '/')}`;
}
