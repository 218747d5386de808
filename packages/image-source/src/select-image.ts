import type { Digest } from '@slipway/digest';
import { familiarString, formatReference, parseReference, type Reference } from '@slipway/reference';
import { malformedText, SourceError } from './errors.ts';
import { describeSelector } from './oci/oci-entries.ts';
import type { ItemSelector } from './source-text.ts';

/** What of an image has to be known to find it. */
interface NamedImage {
  readonly references: readonly Reference[];
}

export interface SelectImageOptions<Image> {
  /** How messages name the archive. */
  readonly archive: string;
  /** The ID of an image; undefined where it cannot be told. Asked for only when nothing else fits. */
  readonly idOf: (image: Image) => Promise<Digest | undefined>;
}

/**
 * The image of a docker archive that is asked for: by position, by a reference or a tag that only one image has, by its
 * ID or the beginning of that.
 *
 * @throws {SourceError} `ERR_SOURCE_NOT_FOUND`, `ERR_SOURCE_TEXT`
 */
export async function selectImage<Image extends NamedImage>(
  images: readonly Image[],
  select: ItemSelector,
  { archive, idOf }: SelectImageOptions<Image>,
): Promise<Image> {
  if ('position' in select) return images[select.position] ?? notFound(images, select, archive);
  if ('digest' in select) return (await findByID(images, select.digest, idOf)) ?? notFound(images, select, archive);
  const { reference } = select;
  const isBareTag = /^[\w][\w.-]{0,127}$/.test(reference);
  const [named, ...namesakes] = images.filter(isCalled(reference, isBareTag));
  if (named) {
    if (namesakes.length > 0) await assertSameImage([named, ...namesakes], images, { archive, idOf, reference });
    return named;
  }
  const tagged = images.filter(({ references }) => references.some(({ tag }) => tag === reference));
  const [only, ...others] = tagged;
  if (only && others.length > 0) {
    throw new SourceError(
      'ERR_SOURCE_NOT_FOUND',
      `${tagged.length} images of ${JSON.stringify(archive)} have the tag ${JSON.stringify(reference)}`,
      { hint: `Name one in full: ${listed(tagged)}` },
    );
  }
  const isID = /^(?:sha256:)?[0-9a-f]{4,64}$/.test(reference);
  const found = only ?? (isID ? await findByID(images, reference, idOf) : undefined);
  return found ?? notFound(images, select, archive);
}

/** Readers disagree on which of several images a name means: docker load takes the last. */
async function assertSameImage<Image>(
  named: readonly Image[],
  all: readonly Image[],
  { archive, idOf, reference }: SelectImageOptions<Image> & { readonly reference: string },
): Promise<void> {
  const ids: (Digest | undefined)[] = [];
  for (const image of named) ids.push(await idOf(image));
  if (ids[0] !== undefined && ids.every((id) => id === ids[0])) return;
  throw new SourceError(
    'ERR_SOURCE_NOT_FOUND',
    `${named.length} images of ${JSON.stringify(archive)} are called ${JSON.stringify(reference)}`,
    { hint: `Choose one by its position: ${named.map((image) => `:@${all.indexOf(image)}`).join(', ')}` },
  );
}

async function findByID<Image>(
  images: readonly Image[],
  id: string,
  idOf: SelectImageOptions<Image>['idOf'],
): Promise<Image | undefined> {
  const wanted = id.includes(':') ? id : `sha256:${id}`;
  for (const image of images) if ((await idOf(image))?.startsWith(wanted)) return image;
  return undefined;
}

function notFound(images: readonly NamedImage[], select: ItemSelector, archive: string): never {
  throw new SourceError('ERR_SOURCE_NOT_FOUND', `No image ${describeSelector(select)} in ${JSON.stringify(archive)}`, {
    hint: images.length > 0 ? `It holds: ${listed(images)}` : 'It holds no images',
  });
}

function listed(images: readonly NamedImage[]): string {
  const there = images.map(({ references }, at) => [`@${at}`, ...references.map(familiarString)].join(' '));
  return there.slice(0, 50).join(', ');
}

/** A tag alone, `v1`, is a reference to an image `v1:latest` too; where it is no reference, it names none. */
function isCalled(text: string, mayBeTag: boolean): (image: NamedImage) => boolean {
  let wanted: string;
  try {
    wanted = formatReference(parseReference(text, { defaultTag: 'latest' }));
  } catch (cause) {
    if (mayBeTag) return () => false;
    throw malformedText(`Cannot look for ${JSON.stringify(text)}: it is not a reference`, { cause });
  }
  return ({ references }) => references.some((reference) => formatReference(reference) === wanted);
}
