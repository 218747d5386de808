import { formatByteSize } from '@slipway/client/options';
import { printable } from '@slipway/client/program';
import { shortDigest } from '@slipway/digest';
import type { StoredImage } from '@slipway/image-store';
import { formatPlatform } from '@slipway/manifest';
import { familiarName, matchReference, parseReference } from '@slipway/reference';
import { table } from './inspection-table.ts';

/** How images are listed. */
export interface ListOptions {
  /** Only those with a name that matches. @default all */
  readonly pattern?: string | undefined;
  /** JSON, one object an image. @default false */
  readonly json?: boolean | undefined;
  /** IDs only. @default false */
  readonly quiet?: boolean | undefined;
}

/** The lines of a list of images: a table with a line a name, IDs, or one JSON object an image. */
export function imageLines(images: readonly StoredImage[], { pattern, ...options }: ListOptions): readonly string[] {
  return linesOf(pattern === undefined ? images : images.flatMap((image) => matching(image, pattern)), options);
}

/** The image with those of its names that match; nothing when none does. */
function matching(image: StoredImage, pattern: string): readonly StoredImage[] {
  const keep = (name: string): boolean => matchReference(pattern, parseReference(name));
  const tags = image.tags.filter(keep);
  const digests = image.digests.filter(keep);
  return tags.length + digests.length === 0 ? [] : [{ ...image, tags, digests }];
}

function linesOf(images: readonly StoredImage[], { json, quiet }: ListOptions): readonly string[] {
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
