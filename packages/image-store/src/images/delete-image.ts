import { type Digest, shortDigest } from '@slipway/digest';
import { canonicalName, familiarString, type Reference } from '@slipway/reference';
import { ImageStoreError } from '../errors.ts';
import type { ImageStoreEvent } from '../image-store.ts';
import { isSameRepository } from '../layout/reference-store.ts';
import type { StoreState } from '../layout/store-state.ts';
import { findImage, isBeginningOf } from './find-image.ts';

/** What a deletion has done to the state. */
export interface Deletion {
  readonly id: Digest;
  /** In the order they went. */
  readonly untagged: readonly Reference[];
  /** The image is gone, not just a name of it. */
  readonly isDeleted: boolean;
  readonly events: readonly ImageStoreEvent[];
}

/**
 * Takes an image, or one name of it, out of the state by docker's rules.
 *
 * @throws {ImageStoreError} `ERR_IMAGE_STORE_NOT_FOUND`, `ERR_IMAGE_STORE_CONFLICT`
 * @see https://github.com/moby/moby/blob/v28.5.2/daemon/images/image_delete.go#L62-L220
 */
export function deleteImage(state: StoreState, name: string, force: boolean): Deletion {
  const { id, reference } = findImage(state, name);
  const untagged: Reference[] = [];
  const untag = (each: Reference): void => {
    state.untag(each);
    untagged.push(each);
  };

  if (reference && !isBeginningOf(id, name)) {
    untag(reference);
    const left = state.references.references(id).filter((each) => isSameRepository(each, reference));
    const isLastTag = reference.digest === undefined && left.every(({ digest }) => digest !== undefined);
    if (isLastTag) for (const each of left) untag(each);
    if (state.references.references(id).length > 0) return outcome(false);
  } else {
    const references = state.references.references(id);
    if (!isSingleReference(references) && !force) throw referencedElsewhere(id);
    for (const each of references) untag(each);
  }
  state.remove(id);
  return outcome(true);

  function outcome(isDeleted: boolean): Deletion {
    const events: ImageStoreEvent[] = untagged.map((each) => ({ type: 'untag', id, reference: familiarString(each) }));
    if (isDeleted) events.push({ type: 'delete', id, reference: undefined });
    return { id, untagged, isDeleted, events };
  }
}

/** At most one tag, and everything else are digests of the same repository. */
function isSingleReference(references: readonly Reference[]): boolean {
  if (references.length <= 1) return true;
  const tags = references.filter(({ digest }) => digest === undefined);
  const digests = references.filter(({ digest }) => digest !== undefined);
  if (tags.length > 1) return false;
  const repositories = new Set(digests.map(canonicalName));
  return repositories.size === 1 && repositories.has(canonicalName(tags[0] ?? references[0]!));
}

function referencedElsewhere(id: Digest): ImageStoreError {
  return new ImageStoreError(
    'ERR_IMAGE_STORE_CONFLICT',
    `conflict: unable to delete ${shortDigest(id)} (must be forced) - image is referenced in multiple repositories`,
  );
}
