import { aDuration, aNumber, assertOptions, aText } from '@slipway/arguments';
import { createMetadataStore } from '../keyed/key-value-store.ts';
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

/** Layers that a busy machine sees in months. */
const defaultMaxEntries = 10_000;

/**
 * Opens a metadata store in the files that Docker itself keeps, byte for byte; what only we keep lies in folders that
 * Docker ignores. Processes of ours may share it. Docker's daemon takes no lock: let it not run at the same time.
 *
 * @throws {MetadataStoreError} `ERR_STORE_UNAVAILABLE` when the folder cannot be used.
 * @see https://github.com/moby/moby/blob/v28.0.0/distribution/metadata/metadata.go
 */
export async function openFileMetadataStore(options: FileMetadataStoreOptions): Promise<MetadataStore> {
  assertOptions('options', options, {
    required: { folder: aText },
    optional: { lockTimeoutMs: aDuration, maxEntries: aNumber },
  });
  const { folder, lockTimeoutMs, maxEntries = defaultMaxEntries } = options;
  return createMetadataStore(await openFileBackend({ folder, lockTimeoutMs, maxEntries, mode: 0o644 }));
}
