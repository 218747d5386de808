import type { StoreState } from '../layout/store-state.ts';
import type { FactsReader, ManifestFacts } from './image-facts.ts';
import { provenPair } from './stage-item.ts';

/** Layers whose bytes were compared with their diffIDs when an image here was taken in, as {@link provenPair}. */
export async function provenLayers(state: StoreState, reader: FactsReader): Promise<Set<string>> {
  const proven = new Set<string>();
  const visit = ({ kind, layers, config, children }: ManifestFacts): void => {
    for (const [at, { digest }] of kind === 'image' ? layers.entries() : []) {
      const diffID = config?.diffIDs[at];
      if (diffID) proven.add(provenPair(digest, diffID));
    }
    children.forEach(visit);
  };
  for (const { descriptor, id } of state.manifests.values()) {
    const facts = await reader.read(descriptor).catch(() => undefined);
    // An artifact may look like an image. Its diffIDs were never checked, and its ID is that of its manifest.
    if (facts && (facts.kind === 'index' || facts.config?.digest === id)) visit(facts);
  }
  return proven;
}
