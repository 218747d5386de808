import type { ImageSource } from '@slipway/image-source';
import { type OpenImageOptions, openStoreSource } from '@slipway/image-store';
import type { CommandContext } from './command-context.ts';
import { type LocalStoreOptions, openLocalStore } from './local-store.ts';

/**
 * Opens a `store:REF` source: an image of this machine's store.
 *
 * @throws {SourceError} `ERR_SOURCE_NOT_FOUND` when the store has no such image
 */
export async function openStoredImage(
  reference: string,
  options: LocalStoreOptions & OpenImageOptions,
  context: Pick<CommandContext, 'environment' | 'stderr' | 'signal'>,
): Promise<ImageSource> {
  const store = await openLocalStore(options, context);
  try {
    const source = await openStoreSource(store, reference, { signal: context.signal, allTags: options.allTags });
    return {
      ...source,
      async [Symbol.asyncDispose]() {
        await source[Symbol.asyncDispose]();
        await store[Symbol.asyncDispose]();
      },
    };
  } catch (error) {
    await store[Symbol.asyncDispose]();
    throw error;
  }
}
