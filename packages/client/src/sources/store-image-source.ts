import type { AbortOptions } from '@slipway/digest';
import type { ImageSource } from '@slipway/image-source';
import type { ImageStore } from '@slipway/image-store';

/** The images that `store:` sources are taken from. */
export interface StoredImages {
  /**
   * Opens an image of the store.
   *
   * @throws {SourceError} `ERR_SOURCE_NOT_FOUND` when the store has no such image
   */
  open(reference: string, options?: AbortOptions & { readonly allTags?: boolean | undefined }): Promise<ImageSource>;
}

/**
 * The images of a store that is opened with its first image.
 *
 * @param openStore the caller's to dispose
 */
export function storedImages(openStore: () => Promise<ImageStore>): StoredImages {
  return {
    async open(reference, { signal, allTags } = {}) {
      const { openStoreSource } = await import('@slipway/image-store');
      return await openStoreSource(await openStore(), reference, { signal, allTags });
    },
  };
}
