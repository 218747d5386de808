import { shortDigest } from '@slipway/digest';
import type { StoredImage } from '@slipway/image-store';
import { formatPlatform } from '@slipway/manifest';
import { familiarName, matchReference, parseReference } from '@slipway/reference';
import { formatByteSize } from './byte-size.ts';
import type { CommandContext } from './command-context.ts';
import { table } from './inspection-table.ts';
import { type LocalStoreOptions, openLocalStore } from './local-store.ts';
import { printable } from './printable.ts';

export interface RawImagesOptions extends LocalStoreOptions {
  readonly json?: boolean | undefined;
  readonly quiet?: boolean | undefined;
}

/** Prints the images of this machine's store: a table with a line a name, IDs, or one JSON object an image. */
export async function runImages(
  pattern: string | undefined,
  options: RawImagesOptions,
  context: CommandContext,
): Promise<void> {
  await using store = await openLocalStore(options, context);
  const images = await store.list({ signal: context.signal });
  const wanted = pattern === undefined ? images : images.flatMap((image) => matching(image, pattern));
  for (const line of linesOf(wanted, options)) context.stdout.write(`${line}\n`);
}

/** The image with those of its names that match; nothing when none does. */
function matching(image: StoredImage, pattern: string): readonly StoredImage[] {
  const keep = (name: string): boolean => matchReference(pattern, parseReference(name));
  const tags = image.tags.filter(keep);
  const digests = image.digests.filter(keep);
  return tags.length + digests.length === 0 ? [] : [{ ...image, tags, digests }];
}

function linesOf(images: readonly StoredImage[], { json, quiet }: RawImagesOptions): readonly string[] {
  if (json === true) return images.map((image) => JSON.stringify(recordOf(image)));
  if (quiet === true) return images.map(({ id }) => id);
  const rows = images.flatMap((image) => {
    const rest = [shortDigest(image.id), timeOf(image.created), formatByteSize(image.size)];
    const names = image.tags.map((tag) => {
      const reference = parseReference(tag);
      return [familiarName(reference), reference.tag ?? '<none>'];
    });
    return (names.length > 0 ? names : [['<none>', '<none>']]).map((name) => [...name, ...rest].map(printable));
  });
  return table([['REPOSITORY', 'TAG', 'IMAGE ID', 'CREATED', 'SIZE'], ...rows]);
}

function recordOf({ id, kind, tags, digests, manifest, created, platform, labels, size }: StoredImage): object {
  const runsOn = platform && formatPlatform(platform);
  return { id, kind, tags, digests, created, platform: runsOn, labels, size, manifest };
}

/** `2026-01-01 12:00`, in UTC. */
function timeOf(created: string | undefined): string {
  const time = new Date(created ?? '');
  return Number.isNaN(time.valueOf()) ? '-' : time.toISOString().slice(0, 16).replace('T', ' ');
}
