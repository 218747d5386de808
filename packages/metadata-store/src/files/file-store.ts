import { assertOptions, aText } from '@slipway/arguments';
import type { MetadataStoreError } from '../errors.ts';
import type { KeyValueBackend } from '../keyed/key-value-backend.ts';
import { createMetadataStore } from '../keyed/key-value-store.ts';
import { openResilientBackend } from '../keyed/resilient-backend.ts';
import type { MetadataStore } from '../metadata-store.ts';
import { openFileBackend } from './file-backend.ts';

/** Where the files lie, how many are kept, and how long others are waited for. */
export interface FileMetadataStoreOptions {
  /** Docker's own is `/var/lib/docker/image/overlay2/distribution`. Made, for this user alone, if need be. */
  readonly folder: string;
  /** How long a write waits for other processes, in milliseconds. @default 5000 */
  readonly lockTimeoutMs?: number | undefined;
  /**
   * Files of each kind, about; the oldest go. A layer needs four or five, of 4 KiB each on most disks. `Infinity` keeps
   * all, as Docker does. @default 10000
   */
  readonly maxEntries?: number | undefined;
}

/** Where the store lies, how long it may take, and who hears when something is wrong with it. */
export interface MetadataStoreOptions extends FileMetadataStoreOptions {
  /** Hears of the first thing that goes wrong, and what was done about it; of no other. @default nobody does */
  readonly onWarning?: ((warning: MetadataStoreError) => void) | undefined;
  /** How long the folder may take to answer before it counts as hanging, in milliseconds. @default 10000 */
  readonly timeoutMs?: number | undefined;
}

/** Layers that a busy machine sees in months. */
const defaultMaxEntries = 10_000;

/**
 * Opens what a push is to remember, in a folder. It never fails: what the folder does not take (it is full, read-only,
 * somebody else's, or hangs) is remembered in memory, and `onWarning` told once. Only wrong arguments reject.
 */
export async function openMetadataStore(options: MetadataStoreOptions): Promise<MetadataStore> {
  assertOptions('options', options, { required: { folder: aText } });
  const { folder, lockTimeoutMs, maxEntries = defaultMaxEntries, onWarning, timeoutMs } = options;
  const open = (): Promise<KeyValueBackend> => openFileBackend({ folder, lockTimeoutMs, maxEntries });
  const name = `the metadata store in ${folder}`;
  return createMetadataStore(await openResilientBackend({ open, name, onWarning, timeoutMs }));
}

/**
 * Opens a metadata store in the files that Docker itself keeps, byte for byte; what only we keep lies in folders that
 * Docker ignores. Processes of ours may share it. Docker's daemon takes no lock: let it not run at the same time.
 *
 * @throws {MetadataStoreError} `ERR_STORE_UNAVAILABLE` when the folder cannot be used.
 * @see https://github.com/moby/moby/blob/v28.0.0/distribution/metadata/metadata.go
 */
export async function openFileMetadataStore(options: FileMetadataStoreOptions): Promise<MetadataStore> {
  assertOptions('options', options, { required: { folder: aText } });
  const { folder, lockTimeoutMs, maxEntries = defaultMaxEntries } = options;
  return createMetadataStore(await openFileBackend({ folder, lockTimeoutMs, maxEntries, mode: 0o644 }));
}
