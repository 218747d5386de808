import type { ImageSource, SourceItem } from '@slipway/image-source';
import type { PushResult } from '@slipway/push';
import { withDigest } from '@slipway/reference';
import type { CommandContext } from './command-context.ts';
import { type LocalStoreOptions, openLocalStore } from './local-store.ts';

/**
 * Notes in this machine's store under which digests registries now have an image that came from it, as docker does after a push.
 * What cannot be noted is told and changes nothing about the push.
 */
export async function noteDigests(
  { kind }: ImageSource,
  item: SourceItem,
  results: readonly PushResult[],
  options: LocalStoreOptions & { readonly dryRun?: boolean | undefined },
  { context, warn }: { readonly context: CommandContext; readonly warn: (message: string) => void },
): Promise<void> {
  if (kind !== 'store' || options.dryRun === true) return;
  const id = item.kind === 'image' ? item.config.digest : item.manifest.digest;
  try {
    await using store = await openLocalStore(options, context);
    for (const result of results) {
      if (result.ok) await store.addDigest(withDigest(result.reference, result.digest), id);
    }
  } catch (error) {
    warn(`the image was pushed, but its digest could not be noted: ${error instanceof Error ? error.message : error}`);
  }
}
