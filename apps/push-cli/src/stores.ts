import type { LayerCache } from '@slipway/image-store';
import { createMemoryMetadataStore, type MetadataStore } from '@slipway/metadata-store';
import type { CommandContext } from './command-context.ts';
import type { ResolvedPushOptions } from './push-options.ts';

/** What is remembered from one run to the next. Leaving scope closes it. */
export interface Stores extends AsyncDisposable {
  readonly metadataStore: MetadataStore;
  readonly layerCache: LayerCache | undefined;
}

/** Opens the stores in the data folder, or in memory with `--no-cache`. */
export async function openStores(
  _options: Pick<ResolvedPushOptions, 'cache' | 'dataDir'>,
  _context: CommandContext,
  _say: (line: string) => void,
): Promise<Stores> {
  const metadataStore = createMemoryMetadataStore();
  return { metadataStore, layerCache: undefined, [Symbol.asyncDispose]: () => metadataStore[Symbol.asyncDispose]() };
}
