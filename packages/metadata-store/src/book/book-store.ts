import { aDuration, aFunction, aNumber, assertOptions, aText } from '@slipway/arguments';
import type { MetadataStoreError } from '../errors.ts';
import type { KeyValueBackend } from '../keyed/key-value-backend.ts';
import { createMetadataStore } from '../keyed/key-value-store.ts';
import { openResilientBackend } from '../keyed/resilient-backend.ts';
import type { MetadataStore } from '../metadata-store.ts';
import { openBookBackend } from './book-backend.ts';

/** Where the store lies, how much it keeps, how long it may take, and who hears when something is wrong with it. */
export interface MetadataStoreOptions {
  /** Made, for this user alone, if need be. */
  readonly folder: string;
  /** How long a write waits for other processes, in milliseconds. @default 5000 */
  readonly lockTimeoutMs?: number | undefined;
  /** Records of each kind, about; the oldest go. A layer needs four or five, of 200 bytes each. @default 10000 */
  readonly maxEntries?: number | undefined;
  /**
   * How long facts may wait for others, to be written together with them, in milliseconds. Who asks this store knows
   * them at once; other processes do when they are written. Open uploads, and what is forgotten, wait for nothing.
   * @default 0
   */
  readonly gatherMs?: number | undefined;
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
  assertOptions('options', options, {
    required: { folder: aText },
    optional: {
      lockTimeoutMs: aDuration,
      maxEntries: aNumber,
      gatherMs: aNumber,
      onWarning: aFunction,
      timeoutMs: aNumber,
    },
  });
  const { folder, lockTimeoutMs, maxEntries = defaultMaxEntries, gatherMs, onWarning, timeoutMs } = options;
  const open = (): Promise<KeyValueBackend> => openBookBackend({ folder, lockTimeoutMs, maxEntries, gatherMs });
  const name = `the metadata store in ${folder}`;
  return createMetadataStore(await openResilientBackend({ open, name, onWarning, timeoutMs }));
}
