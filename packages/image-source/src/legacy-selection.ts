import { familiarString, formatReference, parseReference, type Reference } from '@slipway/reference';
import { invalidSource, SourceError } from './errors.ts';
import type { DockerArchiveSelector } from './source-text.ts';

/** An image of an archive of before Docker 1.10, before it is read. */
export interface LegacyImage {
  readonly id: string;
  readonly references: readonly Reference[];
}

/** The images that are nobody's parent, in the order given. */
export function legacyHeads(
  links: readonly { readonly id: string; readonly parent: string | undefined }[],
): readonly LegacyImage[] {
  const parents = new Set(links.map(({ parent }) => parent));
  return links.filter(({ id }) => !parents.has(id)).map(({ id }) => ({ id, references: [] }));
}

/** The image asked for by position or reference. @throws {SourceError} `ERR_SOURCE_NOT_FOUND`, `ERR_SOURCE_INVALID` */
export function selectLegacy(
  images: readonly LegacyImage[],
  select: DockerArchiveSelector,
  archive: string,
): LegacyImage {
  const found =
    'position' in select
      ? images[select.position]
      : images.find((image) => isCalled(image, wantedOf(select.reference)));
  if (found) return found;
  const wanted = 'position' in select ? `at position ${select.position}` : JSON.stringify(select.reference);
  const there = images.map(({ references }, at) => [`@${at}`, ...references.map(familiarString)].join(' '));
  throw new SourceError('ERR_SOURCE_NOT_FOUND', `No image ${wanted} in ${JSON.stringify(archive)}`, {
    hint: there.length > 0 ? `It holds: ${there.slice(0, 50).join(', ')}` : 'It holds no images',
  });
}

function isCalled({ references }: LegacyImage, wanted: string): boolean {
  return references.some((reference) => formatReference(reference) === wanted);
}

function wantedOf(text: string): string {
  try {
    return formatReference(parseReference(text, { defaultTag: 'latest' }));
  } catch (cause) {
    throw invalidSource(`Cannot look for ${JSON.stringify(text)}: it is not a reference`, { cause });
  }
}
