import type { SourceItem } from '@slipway/image-source';
import type { ImageStore } from '@slipway/image-store';
import type { PushResult } from '@slipway/push';
import { withDigest } from '@slipway/reference';

/**
 * Notes in this machine's store under which digests registries now have an image that came from it, as docker does
 * after a push. What cannot be noted is told and changes nothing about the push.
 */
export async function noteDigests(
  store: Pick<ImageStore, 'addDigest'>,
  item: SourceItem,
  results: readonly PushResult[],
  warn: (message: string) => void,
): Promise<void> {
  const id = item.kind === 'image' ? item.config.digest : item.manifest.digest;
  try {
    for (const result of results) {
      if (result.ok) await store.addDigest(withDigest(result.reference, result.digest), id);
    }
  } catch (error) {
    warn(`the image was pushed, but its digest could not be noted: ${error instanceof Error ? error.message : error}`);
  }
}
