import { familiarString } from '@slipway/reference';
import type { StoredImage } from '../image-store.ts';
import type { StoredManifest, StoreState } from '../layout/store-state.ts';
import type { ManifestFacts } from './image-facts.ts';

/** What a list says of an image. */
export function describeImage(
  state: StoreState,
  { id, descriptor, isBuilt }: StoredManifest,
  facts: ManifestFacts,
): StoredImage {
  const references = state.references.references(id);
  return {
    id,
    kind: facts.kind,
    tags: references.filter(({ digest }) => digest === undefined).map(familiarString),
    digests: references.filter(({ digest }) => digest !== undefined).map(familiarString),
    manifest: descriptor,
    isManifestBuilt: isBuilt,
    created: facts.config?.created,
    platform: facts.config?.platform,
    labels: facts.config?.labels ?? {},
    size: [...facts.blobs.values()].reduce((total, size) => total + size, 0),
  };
}

/** When an image was made, in milliseconds; 0 where it does not say. */
export function timeOf({ created = '' }: StoredImage): number {
  return Date.parse(created) || 0;
}
