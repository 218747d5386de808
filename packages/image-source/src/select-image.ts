import { familiarString, formatReference, parseReference, type Reference } from '@slipway/reference';
import { invalidSource, SourceError } from './errors.ts';
import type { DockerArchiveSelector } from './source-text.ts';

/** What of an image has to be known to find it. */
interface NamedImage {
  readonly references: readonly Reference[];
}

/** The image of a docker archive that is asked for by position or reference. @throws {SourceError} `ERR_SOURCE_NOT_FOUND`, `ERR_SOURCE_INVALID` */
export function selectImage<Image extends NamedImage>(
  images: readonly Image[],
  select: DockerArchiveSelector,
  archive: string,
): Image {
  const found = 'position' in select ? images[select.position] : images.find(isCalled(select.reference));
  if (found) return found;
  const wanted = 'position' in select ? `at position ${select.position}` : JSON.stringify(select.reference);
  const there = images.map(({ references }, at) => [`@${at}`, ...references.map(familiarString)].join(' '));
  throw new SourceError('ERR_SOURCE_NOT_FOUND', `No image ${wanted} in ${JSON.stringify(archive)}`, {
    hint: there.length > 0 ? `It holds: ${there.slice(0, 50).join(', ')}` : 'It holds no images',
  });
}

function isCalled(text: string): (image: NamedImage) => boolean {
  let wanted: string;
  try {
    wanted = formatReference(parseReference(text, { defaultTag: 'latest' }));
  } catch (cause) {
    throw invalidSource(`Cannot look for ${JSON.stringify(text)}: it is not a reference`, { cause });
  }
  return ({ references }) => references.some((reference) => formatReference(reference) === wanted);
}
