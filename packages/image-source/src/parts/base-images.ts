import { type Descriptor, formatPlatform, isAttestation, matchPlatform, type Platform } from '@slipway/manifest';
import { SourceError } from '../errors.ts';
import type { ImageSource, SourceImage, SourceItem } from '../image-source.ts';

/** What an image is made on: one image, or several of an index, one for each platform. */
export interface Base {
  readonly images: readonly BaseImage[];
  /** The index they are of, where more than one may come of it. */
  readonly index: { readonly mediaType: string } | undefined;
  /** Its name, where it has one. */
  readonly name: string | undefined;
}

/** Without an image, what is made from scratch. */
export interface BaseImage {
  readonly image: SourceImage | undefined;
  readonly platform: Platform | undefined;
}

/**
 * The images of a base, all or those of the platforms that were asked for, in that order. What is about the base's own
 * manifests, attestations, stays behind.
 *
 * @throws {SourceError} `ERR_SOURCE_NOT_FOUND` when there is none of a platform, or more than one image to choose from
 */
export function baseOf(source: ImageSource | SourceItem, platforms: readonly Platform[] | undefined): Base {
  const item = 'items' in source ? onlyItem(source) : source;
  const called = 'items' in source ? source.name : (item.names[0] ?? 'the base');
  const all = imagesOf(item, undefined);
  if (all.length === 0) throw notFound(`There is no image in ${JSON.stringify(called)}`, 'The base has to be an image');
  const name = item.names[0];
  if (platforms === undefined) return { images: all, index: indexOf(item), name };
  const images = platforms.map((wanted) => {
    const found = all.find(({ platform }) => platform !== undefined && matchPlatform(wanted, platform));
    if (found !== undefined) return found;
    const there = all.map(({ platform }) =>
      platform === undefined ? 'one without a platform' : formatPlatform(platform),
    );
    throw notFound(
      `The base ${JSON.stringify(called)} has no image for ${formatPlatform(wanted)}`,
      `It has ${[...new Set(there)].join(', ')}`,
    );
  });
  return { images, index: images.length > 1 ? indexOf(item) : undefined, name };
}

function onlyItem({ items, whole, name }: ImageSource): SourceItem {
  const [first, ...others] = items;
  if (first !== undefined && others.length === 0) return first;
  if (whole !== undefined) return whole;
  if (first === undefined) throw notFound(`There is no image in ${JSON.stringify(name)}`, undefined);
  const names = items.map((item, at) => item.names[0] ?? `@${at}`);
  throw notFound(
    `There are ${items.length} images in ${JSON.stringify(name)}, and one has to be the base`,
    `Name one behind the path, or hand over one of its items. It holds: ${names.slice(0, 50).join(', ')}`,
  );
}

function imagesOf(item: SourceItem, descriptor: Descriptor | undefined): readonly BaseImage[] {
  if (descriptor !== undefined && isAttestation(descriptor)) return [];
  switch (item.kind) {
    case 'image':
      return [{ image: item, platform: descriptor?.platform ?? item.platform }];
    case 'artifact':
      return [];
    case 'index':
      return item.children.flatMap((child) => imagesOf(child.item, child.descriptor));
    default:
      return item satisfies never;
  }
}

function indexOf(item: SourceItem): Base['index'] {
  return item.kind === 'index' ? { mediaType: item.manifest.mediaType } : undefined;
}

function notFound(message: string, hint: string | undefined): SourceError {
  return new SourceError('ERR_SOURCE_NOT_FOUND', message, { hint });
}
