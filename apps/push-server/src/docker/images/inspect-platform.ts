import type { SourceImage, SourceItem } from '@slipway/image-source';
import type { ImageStore, InspectedImage } from '@slipway/image-store';
import { formatPlatform, matchPlatform, type Platform } from '@slipway/manifest';
import { RequestError } from '../../errors.ts';

/**
 * An image as `inspect` shows it; with a platform, that image of an index.
 *
 * @throws {RequestError} 404 in docker's words when it is for another platform
 * @throws {ImageStoreError} `ERR_IMAGE_STORE_NOT_FOUND`
 */
export async function inspectPlatform(
  store: Pick<ImageStore, 'inspect' | 'open'>,
  name: string,
  platform: Platform | undefined,
): Promise<InspectedImage> {
  const image = await store.inspect(name);
  if (platform === undefined) return image;
  if (image.kind !== 'index') {
    if (image.platform === undefined) throw notProvided(name, platform);
    assertFits(name, image.platform, platform);
    return image;
  }
  await using source = await store.open(name);
  const found = source.items.flatMap((item) => imagesOf(item, platform))[0];
  if (found === undefined) throw notProvided(name, platform);
  const config = JSON.parse(new TextDecoder().decode(found.config.bytes)) as Record<string, unknown>;
  const layers = found.layers.flatMap(({ descriptor }) => descriptor ?? []);
  return {
    ...image,
    kind: 'image',
    platform: found.platform,
    created: typeof config['created'] === 'string' ? config['created'] : undefined,
    config,
    diffIDs: found.layers.map(({ diffID }) => diffID),
    layers,
    size: found.config.bytes.byteLength + layers.reduce((sum, { size }) => sum + size, 0),
  };
}

/** The images of an index, at any depth: all, or those of a platform. */
export function imagesOf(item: SourceItem, platform: Platform | undefined): readonly SourceImage[] {
  if (item.kind === 'index') return item.children.flatMap((child) => imagesOf(child.item, platform));
  if (item.kind !== 'image') return [];
  if (platform === undefined) return [item];
  return item.platform !== undefined && matchPlatform(platform, item.platform) ? [item] : [];
}

/** @throws {RequestError} 404 in docker's words, where the platform is not the one that was asked for */
export function assertFits(name: string, found: Platform, wanted: Platform): void {
  if (matchPlatform(wanted, found)) return;
  const [is, asked] = [formatPlatform(found), formatPlatform(wanted)];
  throw new RequestError(
    404,
    `image with reference ${name} was found but its platform (${is}) does not match the specified platform (${asked})`,
  );
}

function notProvided(name: string, platform: Platform): RequestError {
  return new RequestError(
    404,
    `image with reference ${name} was found but does not provide the specified platform (${formatPlatform(platform)})`,
  );
}
