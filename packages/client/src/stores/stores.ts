import { join } from 'node:path';
import { createTemporaryLayerCache, type LayerCache, openLayerCache } from '@slipway/layer-cache';
import {
  createMemoryMetadataStore,
  type MetadataStore,
  openMetadataStore,
  withDockerMetadata,
} from '@slipway/metadata-store';
import type { Environment } from './environment.ts';
import { usageError } from './errors.ts';
import type { ResolvedPushOptions } from './push-options.ts';
import { systemCodeOf } from './system-code.ts';

/** What is remembered from one run to the next. Leaving scope closes it. */
export interface Stores extends AsyncDisposable {
  readonly metadataStore: MetadataStore;
  readonly layerCache: LayerCache;
}

type StoreOptions = Pick<ResolvedPushOptions, 'cache' | 'dataDir' | 'dockerMetadata' | 'dockerMetadataWrite'>;

/**
 * Opens the stores in the data folder; with `--no-cache`, ones that forget everything at the end. A data folder that
 * cannot be used, or that nobody named to a user without a home, is told once and does not stop the push.
 *
 * @throws {CliError} `ERR_CLI_USAGE` when `--docker-metadata` names no folder that can be read
 */
export async function openStores(
  { cache, dataDir, ...docker }: StoreOptions,
  { dataFolder, temporaryFolder }: Pick<Environment, 'dataFolder' | 'temporaryFolder'>,
  warn: (message: string) => void,
): Promise<Stores> {
  const folder = dataDir ?? dataFolder;
  const onWarning = onceForEachReason(warn);
  if (cache && folder === undefined) {
    warn(
      'this user has no home folder, so this run remembers in memory only; SLIPWAY_DATA_DIR names a folder to keep it in',
    );
  }
  const metadataStore =
    cache && folder !== undefined
      ? await openMetadataStore({ folder: join(folder, 'metadata'), onWarning })
      : createMemoryMetadataStore();
  const layerCache =
    cache && folder !== undefined
      ? await openLayerCache({ folder: join(folder, 'layers'), onWarning })
      : createTemporaryLayerCache({ folder: temporaryFolder, onWarning });
  const dispose = async (): Promise<void> => {
    await layerCache[Symbol.asyncDispose]();
    await metadataStore[Symbol.asyncDispose]();
  };
  try {
    const joined = await joinDocker(metadataStore, docker, (error) => warn(error.message));
    return { metadataStore: joined, layerCache, [Symbol.asyncDispose]: dispose };
  } catch (error) {
    await dispose();
    throw error;
  }
}

async function joinDocker(
  store: MetadataStore,
  {
    dockerMetadata: folder,
    dockerMetadataWrite: isWritable,
  }: Pick<StoreOptions, 'dockerMetadata' | 'dockerMetadataWrite'>,
  onWarning: (error: Error) => void,
): Promise<MetadataStore> {
  if (folder === undefined) return store;
  try {
    return await withDockerMetadata(store, { folder, isWritable, onWarning });
  } catch (cause) {
    const hint = 'name the folder `distribution` of a Docker daemon: /var/lib/docker/image/overlay2/distribution';
    throw usageError(cause instanceof Error ? cause.message : String(cause), hint);
  }
}

/** Both stores lie in one folder: that it is full, or read-only, is said by the first to find out. */
function onceForEachReason(warn: (message: string) => void): (error: Error) => void {
  const told = new Set<string>();
  return (error) => {
    const reason = systemCodeOf(error) ?? error.message;
    if (told.has(reason)) return;
    told.add(reason);
    warn(error.message);
  };
}
