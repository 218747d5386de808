import { type Digest, encodedOf } from '@slipway/digest';
import { type ImageStore, ImageStoreError, type InspectedImage, type StoredImage } from '@slipway/image-store';
import { familiarString, parseAnyReference, withDefaultTag } from '@slipway/reference';
import { assertAllowed, type Principal } from './principal.ts';
import { repositoryOf, type Sight, sightOf } from './sight.ts';

/** The stored images that a principal sees, each with the names that it sees. */
export interface SeenImages extends Pick<ImageStore, 'list' | 'inspect'> {
  /**
   * The image, once it is sure that its bytes may be used: pushed elsewhere, tagged, saved.
   *
   * @throws {RequestError} 403
   * @throws {ImageStoreError} `ERR_IMAGE_STORE_NOT_FOUND`
   */
  use(name: string): Promise<InspectedImage>;
}

/** Images with the eyes of a principal. One that it does not see is not found, in the words of one that is absent. */
export function seenImages(store: Pick<ImageStore, 'list' | 'inspect'>, principal: Principal): SeenImages {
  const sight = sightOf(principal);
  const list: ImageStore['list'] = async (options) =>
    (await store.list(options)).flatMap((image) => withSeenNames(image, sight) ?? []);
  const find: ImageStore['inspect'] = async (name, options) => {
    const image = await store.inspect(name, options);
    const seen = withSeenNames(image, sight);
    if (seen === undefined || !isSeenBy(name, image, sight)) throw noSuchImage(name);
    return seen;
  };
  const inspect: ImageStore['inspect'] = async (name, options) => {
    if (sight.seesAll) return await find(name, options);
    try {
      return await find(name, options);
    } catch (error) {
      if (!(error instanceof ImageStoreError && error.code === 'ERR_IMAGE_STORE_NOT_FOUND')) throw error;
      // The beginning of an ID is one of those that are seen: others make it neither ambiguous nor known.
      const ids = new Set((await list(options)).map(({ id }) => id).filter((id) => isBeginningOf(id, name)));
      const [id] = ids;
      if (id === undefined || ids.size > 1) throw noSuchImage(name);
      return await find(id, options);
    }
  };
  return {
    list,
    inspect,
    async use(name) {
      const image = await inspect(name);
      assertAllowed(principal, { kind: 'source', image: name, repositories: repositoriesOf(image) });
      return image;
    },
  };
}

/** @returns undefined for an image none of whose names are seen */
function withSeenNames<T extends StoredImage>(image: T, sight: Sight): T | undefined {
  if (sight.seesAll) return image;
  const [tags, digests] = [image.tags.filter(sight.reference), image.digests.filter(sight.reference)];
  return tags.length + digests.length === 0 ? undefined : { ...image, tags, digests };
}

/** A name of the image has to be seen itself; its ID is everybody's who sees another name. */
function isSeenBy(name: string, image: StoredImage, sight: Sight): boolean {
  const repository = repositoryOf(name);
  const isName = repository !== undefined && repositoriesOf(image).includes(repository);
  return !isName || sight.repository(repository);
}

function isBeginningOf(id: Digest, text: string): boolean {
  return /^[0-9a-f]{1,64}$/.test(text)
    ? encodedOf(id).startsWith(text)
    : /^sha256:[0-9a-f]+$/.test(text) && id.startsWith(text);
}

function repositoriesOf({ tags, digests }: Pick<StoredImage, 'tags' | 'digests'>): readonly string[] {
  return [...tags, ...digests].flatMap((each) => repositoryOf(each) ?? []);
}

function noSuchImage(name: string): ImageStoreError {
  const parsed = parseAnyReference(name);
  const text = 'registry' in parsed ? familiarString(withDefaultTag(parsed)) : parsed.digest;
  return new ImageStoreError('ERR_IMAGE_STORE_NOT_FOUND', `No such image: ${text}`);
}
