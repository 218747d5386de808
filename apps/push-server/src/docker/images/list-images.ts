import { type Digest, isDigest } from '@slipway/digest';
import type { StoredImage } from '@slipway/image-store';
import { matchReference, parseReference } from '@slipway/reference';
import type { SeenImages } from '../../security/seen-images.ts';
import { parseTimestamp } from '../stream/timestamp.ts';
import { booleanFilter, type Filters, matchesLabels } from './filters.ts';
import { createdSeconds } from './image-summary.ts';

type Images = Pick<SeenImages, 'list' | 'inspect'>;

/** The filters of `GET /images/json`. */
export const imageFilterNames: readonly string[] = ['dangling', 'label', 'before', 'since', 'until', 'reference'];

/**
 * The images that the filters let through; with `reference`, each with the names that match alone.
 *
 * @throws {RequestError} 400 for a filter that cannot be read
 * @throws {ImageStoreError} when `before` or `since` name no image
 */
export async function listImages(store: Images, filters: Filters): Promise<readonly StoredImage[]> {
  const dangling = booleanFilter(filters, 'dangling');
  const labels = filters.get('label') ?? [];
  const patterns = filters.get('reference') ?? [];
  const limits = await timeLimits(store, filters);
  const found: StoredImage[] = [];
  for (const image of await store.list()) {
    const created = createdSeconds(image);
    if (!limits.every((fits) => fits(created))) continue;
    if (!matchesLabels(labels, image.labels)) continue;
    if (dangling !== undefined && dangling !== (image.tags.length === 0)) continue;
    const named = patterns.length === 0 ? image : withMatching(image, patterns);
    if (named !== undefined) found.push(named);
  }
  return found;
}

/** Bytes of an image's layers that other images have as well. */
export async function sharedSizes(store: Images, images: readonly StoredImage[]): Promise<ReadonlyMap<Digest, number>> {
  const layers = new Map<Digest, ReadonlyMap<Digest, number>>();
  const users = new Map<Digest, number>();
  for (const { id } of images) {
    const { layers: descriptors } = await store.inspect(id);
    const sizes = new Map(descriptors.map(({ digest, size }) => [digest, size]));
    layers.set(id, sizes);
    for (const digest of sizes.keys()) users.set(digest, (users.get(digest) ?? 0) + 1);
  }
  return new Map(
    [...layers].map(([id, sizes]) => {
      const shared = [...sizes].filter(([digest]) => (users.get(digest) ?? 0) > 1);
      return [id, shared.reduce((sum, [, size]) => sum + size, 0)];
    }),
  );
}

function withMatching(image: StoredImage, patterns: readonly string[]): StoredImage | undefined {
  const matches = (name: string): boolean => patterns.some((pattern) => matchReference(pattern, parseReference(name)));
  const tags = image.tags.filter(matches);
  const digests = image.digests.filter(matches);
  return tags.length + digests.length === 0 ? undefined : { ...image, tags, digests };
}

async function timeLimits(store: Images, filters: Filters): Promise<readonly ((created: number) => boolean)[]> {
  const limits: ((created: number) => boolean)[] = [];
  const createdOf = async (name: string): Promise<number> =>
    createdSeconds(await store.inspect(isDigest(name) ? name : name.trim()));
  for (const name of filters.get('before') ?? []) {
    const limit = await createdOf(name);
    limits.push((created) => created < limit);
  }
  for (const name of filters.get('since') ?? []) {
    const limit = await createdOf(name);
    limits.push((created) => created > limit);
  }
  for (const text of filters.get('until') ?? []) {
    const limit = Number(parseTimestamp(text, Date.now()) / 1_000_000_000n);
    limits.push((created) => created < limit);
  }
  return limits;
}
