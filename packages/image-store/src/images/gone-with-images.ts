import type { Digest } from '@slipway/digest';
import type { StoredManifest, StoreState } from '../layout/store-state.ts';
import { chainsOf, type FactsReader, type ManifestFacts } from './image-facts.ts';

/** The chainIDs that no other image has, top layer first, as docker's layer store releases them. */
export async function layersGone(
  facts: ManifestFacts | undefined,
  state: StoreState,
  reader: FactsReader,
): Promise<readonly Digest[]> {
  if (!facts) return [];
  const used = new Set<Digest>();
  for (const { descriptor } of state.manifests.values()) {
    const other = await reader.read(descriptor).catch(() => undefined);
    for (const chain of other ? chainsOf(other) : []) for (const each of chain) used.add(each);
  }
  const gone = chainsOf(facts).flatMap((chain) => [...chain].reverse());
  return [...new Set(gone)].filter((each) => !used.has(each));
}

/** The blobs of images that were deleted, as far as no other image needs them. @throws when that cannot be told */
export async function blobsGone(
  images: readonly StoredManifest[],
  state: StoreState,
  reader: FactsReader,
): Promise<readonly Digest[]> {
  const marked = await reader.mark(state.roots);
  const facts = await Promise.all(images.map(({ descriptor }) => reader.read(descriptor).catch(() => undefined)));
  const blobs = images.flatMap(({ descriptor }, at) => [...(facts[at]?.blobs.keys() ?? [descriptor.digest])]);
  return [...new Set(blobs)].filter((digest) => !marked.has(digest));
}
