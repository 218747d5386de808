import { type Digest, encodedOf } from '@slipway/digest';
import {
  familiarString,
  isNameOnly,
  parseAnyReference,
  parseReference,
  type Reference,
  withDefaultTag,
} from '@slipway/reference';
import { ImageStoreError } from '../errors.ts';
import type { StoredManifest, StoreState } from '../layout/store-state.ts';

/** What a name turned out to mean. */
export interface FoundImage {
  readonly id: Digest;
  readonly stored: StoredManifest;
  /** The reference it was found by; undefined when it was found by ID. */
  readonly reference: Reference | undefined;
}

/**
 * Finds an image as docker does: by ID, by reference (`latest` by default), else by the beginning of an ID.
 *
 * @throws {ImageStoreError} `ERR_IMAGE_STORE_NOT_FOUND`
 * @throws {InvalidReferenceError} `ERR_REFERENCE_INVALID`
 * @see https://github.com/moby/moby/blob/v28.5.2/daemon/images/image.go#L232-L300
 */
export function findImage(state: StoreState, name: string): FoundImage {
  const parsed = parseAnyReference(name);
  if (!('registry' in parsed)) {
    const [stored] = state.byID(parsed.digest);
    if (stored) return { id: parsed.digest, stored, reference: undefined };
    throw noSuchImage(parsed.digest);
  }
  const id = state.references.find(parsed);
  const stored = id && (parsed.digest === undefined ? state.tagged(parsed) : byDigest(state, id, parsed));
  if (id && stored) return { id, stored, reference: withDefaultTag(parsed) };
  const [first, ...others] = idsThatBegin(state, name);
  if (first && others.length === 0) return { id: first, stored: state.byID(first)[0]!, reference: undefined };
  throw noSuchImage(familiarString(withDefaultTag(parsed)), [first ?? [], others].flat());
}

/** What `docker save` takes a name for: an image by ID or reference, or all names of a repository. */
export function findImages(state: StoreState, name: string): readonly FoundImage[] {
  const parsed = parseAnyReference(name);
  if (!('registry' in parsed) || !isNameOnly(parsed)) return [findImage(state, name)];
  const tags = state.references.referencesByName(parseReference(name)).filter(({ reference }) => reference.tag);
  const found = tags.map(({ reference }) => findImage(state, familiarString(reference)));
  return found.length > 0 ? found : [findImage(state, name)];
}

/** Whether a text is an image's ID or the beginning of it, and not a name. */
export function isBeginningOf(id: Digest, text: string): boolean {
  return id.startsWith(text) || encodedOf(id).startsWith(text);
}

function byDigest(state: StoreState, id: Digest, { digest }: Reference): StoredManifest | undefined {
  const manifests = state.byID(id);
  return manifests.find(({ descriptor }) => descriptor.digest === digest) ?? manifests[0];
}

function idsThatBegin(state: StoreState, text: string): readonly Digest[] {
  if (!/^(?:[a-z0-9]+:)?[0-9a-f]+$/.test(text)) return [];
  const ids = new Set([...state.manifests.values()].map(({ id }) => id));
  return [...ids].filter((id) => isBeginningOf(id, text));
}

function noSuchImage(text: string, candidates: readonly Digest[] = []): ImageStoreError {
  const hint = candidates.length > 1 ? `Several images begin so: ${candidates.slice(0, 10).join(', ')}` : undefined;
  return new ImageStoreError('ERR_IMAGE_STORE_NOT_FOUND', `No such image: ${text}`, { hint });
}
