import { join } from 'node:path';
import type { Digest } from '@slipway/digest';
import { parseManifest } from '@slipway/manifest';
import { forgetBlobs, openMetadataStore } from '@slipway/metadata-store';
import { canonicalName, type Reference } from '@slipway/reference';
import type { DeletionPlan, Repository } from '@slipway/registry-client';

/**
 * Blobs that a manifest names, and those of an index's manifests: what a registry clears away once nothing names it.
 */
export async function blobsOf(
  repository: Repository,
  { manifest, children }: DeletionPlan,
  { signal }: { readonly signal: AbortSignal },
): Promise<readonly Digest[]> {
  const found: Digest[] = [];
  for (const { digest, mediaType } of [manifest, ...children]) {
    const content = await repository.getManifest(digest, { accept: [mediaType], signal });
    if (content === undefined) continue;
    try {
      const parsed = parseManifest(content.bytes, content.mediaType, { maxSize: content.bytes.byteLength });
      if ('layers' in parsed) found.push(parsed.config.digest, ...parsed.layers.map((layer) => layer.digest));
    } catch {
      // What breaks its format was never pushed from here.
    }
  }
  return [...new Set(found)];
}

/**
 * Forgets that the repository has these blobs, so that the next push asks. Best effort: a push asks anyway before it
 * mounts.
 */
export async function forgetDeleted(
  reference: Reference,
  digests: readonly Digest[],
  { folder, warn }: { readonly folder: string | undefined; readonly warn: (message: string) => void },
): Promise<void> {
  if (folder === undefined || digests.length === 0) return;
  await using store = await openMetadataStore({
    folder: join(folder, 'metadata'),
    onWarning: (error) => warn(error.message),
  });
  await forgetBlobs(store, canonicalName(reference), digests);
}
