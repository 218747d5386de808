import { join } from 'node:path';
import { createTemporaryLayerCache, type LayerCache, openLayerCache } from '@slipway/layer-cache';
import {
  createMemoryMetadataStore,
  type MetadataStore,
  openMetadataStore,
  withDockerMetadata,
} from '@slipway/metadata-store';
import type { ClientEnvironment } from '../environment.ts';
import { optionError } from '../errors.ts';
import { systemCodeOf } from './system-code.ts';

/** What is remembered from one push to the next. Leaving scope closes it. */
export interface Stores extends AsyncDisposable {
  readonly metadataStore: MetadataStore;
  readonly layerCache: LayerCache;
}

/** Where a client keeps what it found out and made. */
export interface StoreSettings {
  /** Compressed layers, known blobs and open uploads are kept in the data folder. @default true */
  readonly cache?: boolean | undefined;
  /** @default the environment's data folder */
  readonly dataDir?: string | undefined;
  /**
   * Folder in which a Docker daemon remembers where blobs are: `/var/lib/docker/image/overlay2/distribution`.
   * @default none
   */
  readonly dockerMetadata?: string | undefined;
  /** What is found out is written into that folder too. @default false */
  readonly dockerMetadataWrite?: boolean | undefined;
}

/** A push notes a fact or two for each layer: those of a second are written together. */
const gatherMs = 1_000;

export interface OpenStoresOptions extends StoreSettings {
  readonly environment: Pick<ClientEnvironment, 'dataFolder' | 'temporaryFolder'>;
  /** Told what a user should know. */
  readonly warn: (message: string) => void;
}

/**
 * Opens the stores in the data folder; without `cache`, ones that forget everything at the end. A data folder that
 * cannot be used, or that nobody named to a user without a home, is told once and does not stop the push.
 *
 * @throws {ClientError} `ERR_CLIENT_OPTION` when `dockerMetadata` names no folder that can be read
 */
export async function openStores({
  cache = true,
  dataDir,
  environment: { dataFolder, temporaryFolder },
  warn,
  ...docker
}: OpenStoresOptions): Promise<Stores> {
  const folder = cache ? (dataDir ?? dataFolder) : undefined;
  const onWarning = onceForEachReason(warn);
  if (cache && folder === undefined) {
    warn(
      'this user has no home folder, so this run remembers in memory only; SLIPWAY_DATA_DIR names a folder ' +
        'to keep it in',
    );
  }
  const metadataStore =
    folder !== undefined
      ? await openMetadataStore({ folder: join(folder, 'metadata'), gatherMs, onWarning })
      : createMemoryMetadataStore();
  const layerCache =
    folder !== undefined
      ? await openLayerCache({ folder: join(folder, 'layers'), gatherMs, onWarning })
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
  }: Pick<StoreSettings, 'dockerMetadata' | 'dockerMetadataWrite'>,
  onWarning: (error: Error) => void,
): Promise<MetadataStore> {
  if (folder === undefined) return store;
  try {
    return await withDockerMetadata(store, { folder, isWritable, onWarning });
  } catch (cause) {
    const hint = 'name the folder `distribution` of a Docker daemon: /var/lib/docker/image/overlay2/distribution';
    throw optionError(cause instanceof Error ? cause.message : String(cause), hint);
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
