import { aBoolean, anObject, aSignal, assertArgument, assertOptions, aText, withMethods } from '@slipway/arguments';
import {
  type ImageSource,
  type OpenLayoutItemOptions,
  openLayoutItem,
  SourceError,
  type SourceImage,
  type SourceItem,
} from '@slipway/image-source';
import { mediaTypes } from '@slipway/manifest';
import { familiarString } from '@slipway/reference';
import { ImageStoreError } from './errors.ts';
import type { ImageStore, OpenImageOptions } from './image-store.ts';
import type { FoundImage } from './images/find-image.ts';
import { layerSourceOf } from './images/layer-source.ts';
import type { StoreState } from './layout/store-state.ts';

/**
 * Opens an image of a store as what it was before it was loaded: from a docker archive it comes without a manifest, so
 * that a push makes Docker's; from an OCI layout or a registry it comes with its own, byte for byte. It stays readable
 * until the source is disposed, even if it is deleted meanwhile.
 *
 * @throws {SourceError} `ERR_SOURCE_NOT_FOUND` when there is no such image; `ERR_SOURCE_INVALID` when it is damaged.
 * @throws {ImageStoreError} when the store cannot be read
 */
export async function openStoreSource(
  store: ImageStore,
  reference: string,
  options: OpenImageOptions = {},
): Promise<ImageSource> {
  assertArgument('store', store, withMethods('an image store', 'open'));
  assertArgument('reference', reference, aText);
  assertOptions('options', options, { optional: { allTags: aBoolean, limits: anObject, signal: aSignal } });
  try {
    return await store.open(reference, options);
  } catch (cause) {
    if (!(cause instanceof ImageStoreError)) throw cause;
    const code = sourceCodes.get(cause.code);
    throw code ? new SourceError(code, cause.message, { cause, hint: cause.hint }) : cause;
  }
}

const sourceCodes = new Map<string, 'ERR_SOURCE_NOT_FOUND' | 'ERR_SOURCE_INVALID'>([
  ['ERR_IMAGE_STORE_NOT_FOUND', 'ERR_SOURCE_NOT_FOUND'],
  ['ERR_IMAGE_STORE_CORRUPT', 'ERR_SOURCE_INVALID'],
]);

/**
 * The items of a source, one a manifest, with the names they were asked for by, or all when they were asked for by ID.
 */
export async function openStoredItems(
  folder: string,
  state: StoreState,
  found: readonly FoundImage[],
  { limits, signal, onRead, name }: OpenLayoutItemOptions,
): Promise<readonly SourceItem[]> {
  const items = new Map<string, SourceItem>();
  for (const { id, stored, reference } of found) {
    const { descriptor, isBuilt } = stored;
    const before = items.get(descriptor.digest);
    const references = reference ? [reference] : state.references.references(id);
    const names = references.filter(({ digest }) => digest === undefined).map(familiarString);
    const item =
      before ?? withoutBuilt(await openLayoutItem(folder, descriptor, { limits, signal, onRead, name }), isBuilt);
    items.set(descriptor.digest, { ...item, names: [...new Set([...item.names, ...names])] });
  }
  return [...items.values()];
}

/** Takes away what loading added. */
function withoutBuilt(item: SourceItem, isBuilt: boolean): SourceItem {
  if (!isBuilt || item.kind !== 'image') return item;
  const image: SourceImage = {
    ...item,
    config: { ...item.config, mediaType: mediaTypes.dockerConfig },
    manifest: undefined,
    layers: item.layers.map((layer) => ({ ...layer, descriptor: layer.descriptor && layerSourceOf(layer.descriptor) })),
  };
  return image;
}
