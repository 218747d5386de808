import { join } from 'node:path';
import { createTemporaryLayerCache, type LayerCache, openLayerCache } from '@slipway/image-store';
import {
  createMemoryMetadataStore,
  type MetadataStore,
  openLmdbMetadataStore,
  openResilientMetadataStore,
} from '@slipway/metadata-store';
import type { Environment } from './environment.ts';
import type { ResolvedPushOptions } from './push-options.ts';

/** What is remembered from one run to the next. Leaving scope closes it. */
export interface Stores extends AsyncDisposable {
  readonly metadataStore: MetadataStore;
  readonly layerCache: LayerCache;
}

/**
 * Opens the stores in the data folder; with `--no-cache`, ones that forget everything at the end. A data folder that
 * cannot be used is told once and does not stop the push.
 */
export async function openStores(
  { cache, dataDir }: Pick<ResolvedPushOptions, 'cache' | 'dataDir'>,
  { dataFolder, temporaryFolder }: Pick<Environment, 'dataFolder' | 'temporaryFolder'>,
  warn: (message: string) => void,
): Promise<Stores> {
  const folder = dataDir ?? dataFolder;
  const onWarning = (error: Error): void => warn(error.message);
  const metadataStore = cache
    ? await openResilientMetadataStore({
        open: () => openLmdbMetadataStore({ folder: join(folder, 'metadata') }),
        onWarning,
      })
    : createMemoryMetadataStore();
  const layerCache = cache
    ? await openLayerCache({ folder: join(folder, 'layers'), onWarning })
    : createTemporaryLayerCache({ folder: temporaryFolder, onWarning });
  return {
    metadataStore,
    layerCache,
    async [Symbol.asyncDispose]() {
      await layerCache[Symbol.asyncDispose]();
      await metadataStore[Symbol.asyncDispose]();
    },
  };
}
