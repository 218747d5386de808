import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import {
  ArgumentRangeError,
  aFunction,
  aNumber,
  assertOptions,
  assertSignal,
  aText,
  surviving,
} from '@slipway/arguments';
import type { AbortOptions, Digest } from '@slipway/digest';
import { openRecordBook } from '@slipway/record-book';
import type { LayerCacheError } from './errors.ts';
import { openFileCopy } from './file-copy.ts';
import { HeldMemory } from './held-memory.ts';
import { KeptLayers } from './kept-layers.ts';
import type { BeginOptions, CachedLayer, LayerCache, LayerCacheWriter } from './layer-cache.ts';
import { type LayerCacheEntry, LayerRecords, type RecordPlace, recordsInMemory } from './layer-records.ts';
import { defaultPorts, FileStorage, type LayerCachePorts } from './spool-file.ts';
import { asWriteError, OpenWriters } from './spool-writer.ts';

/** Where the cache lies, and how large it may grow. */
export interface LayerCacheOptions {
  /** Made if need be. Several processes may share it. */
  readonly folder: string;
  /** Bytes to keep; the least recently used layers go first. 0 keeps nothing. @default 10 GiB */
  readonly maxBytes?: number | undefined;
  /**
   * How long what is known of a small layer may wait for others, to be written together with them, in milliseconds. Who
   * asks this cache knows it at once; other processes do when it is written. Closing the cache writes it.
   * @default 0: a commit waits until it is written
   */
  readonly gatherMs?: number | undefined;
  /** Hears once, from each cache, that layers cannot be kept. @default nobody does */
  readonly onWarning?: ((warning: LayerCacheError) => void) | undefined;
}

/** When this part of what it may hold has been added, the cache looks again: other processes add to it too. */
const lookPart = 16;

/** A layer of so many times the memory for one most likely fits into it. */
const mostlyShrunk = 4;

/** What nobody wrote to for so long was left behind by a process that died. */
const partialLifeMs = 24 * 60 * 60 * 1000;

/**
 * Opens the cache of compressed layers in a folder. Never rejects because of the folder: where it cannot be used,
 * `begin` resolves to undefined and `onWarning` hears why.
 */
export async function openLayerCache(options: LayerCacheOptions): Promise<LayerCache & AsyncDisposable> {
  assertOptions('options', options, {
    required: { folder: aText },
    optional: { maxBytes: aNumber, gatherMs: aNumber, onWarning: aFunction },
  });
  return await openLayerCacheWith(options, defaultPorts);
}

/**
 * {@link openLayerCache} in a world of the caller's making.
 *
 * @param openRecords in memory, for what is to be forgotten
 */
export async function openLayerCacheWith(
  { folder, maxBytes = 10 * 1024 ** 3, gatherMs = 0, onWarning = () => {} }: LayerCacheOptions,
  ports: LayerCachePorts,
  openRecords: () => Promise<RecordPlace> = () => openRecordBook({ folder: join(folder, 'index'), name, gatherMs }),
): Promise<LayerCache & AsyncDisposable> {
  if (!(maxBytes >= 0))
    throw new ArgumentRangeError('maxBytes', `Expected \`maxBytes\` to be a count of bytes, got ${maxBytes}`);
  const cache = new DiskLayerCache({ folder, maxBytes, mayWait: gatherMs > 0, onWarning, ports, openRecords });
  await cache.prepare();
  return cache;
}

/** What failures call it. */
const name = 'index of the layer cache';

interface DiskLayerCacheOptions {
  readonly folder: string;
  readonly maxBytes: number;
  readonly mayWait: boolean;
  readonly onWarning: (warning: LayerCacheError) => void;
  readonly ports: LayerCachePorts;
  readonly openRecords: () => Promise<RecordPlace>;
}

class DiskLayerCache implements LayerCache, AsyncDisposable {
  readonly #layers: KeptLayers;
  readonly #records: LayerRecords;
  readonly #maxBytes: number;
  readonly #onWarning: (warning: LayerCacheError) => void;
  readonly #ports: LayerCachePorts;
  readonly #memory: HeldMemory;
  readonly #writers = new OpenWriters();
  #isClosed = false;
  #hasWarned = false;
  /** Bytes that were there when all files were looked at last; unknown before. */
  #seen = Number.POSITIVE_INFINITY;
  /** Bytes added since. */
  #unseen = 0;
  #isLooking = false;

  constructor({ folder, maxBytes, mayWait, onWarning, ports, openRecords }: DiskLayerCacheOptions) {
    const onFailure = (cause: unknown): void => this.#warn(asWriteError(cause));
    // Where nothing can be recorded, what this process makes is of use to it all the same.
    const open = (): Promise<RecordPlace> =>
      openRecords().catch((cause) => {
        onFailure(cause);
        return recordsInMemory();
      });
    this.#records = new LayerRecords({ open, mayWait, onFailure });
    this.#layers = new KeptLayers(folder, this.#records);
    this.#maxBytes = maxBytes;
    this.#onWarning = surviving('onWarning', onWarning);
    this.#ports = ports;
    this.#memory = new HeldMemory(ports.memory.bytes);
  }

  async prepare(): Promise<void> {
    if (this.#maxBytes === 0) return;
    await this.#layers.prepare(this.#ports.now() - partialLifeMs).catch((cause) => this.#warn(asWriteError(cause)));
  }

  async find(diffID: Digest, recipe: string, { signal }: AbortOptions = {}): Promise<CachedLayer | undefined> {
    assertSignal(signal);
    signal?.throwIfAborted();
    if (this.#isClosed || this.#maxBytes === 0) return undefined;
    const entry = await this.#layers.find(diffID, recipe, this.#ports.now()).catch(() => undefined);
    signal?.throwIfAborted();
    return entry && this.#layerOf(entry);
  }

  async begin(
    diffID: Digest,
    recipe: string,
    { signal, plainSize = 0 }: BeginOptions = {},
  ): Promise<LayerCacheWriter | undefined> {
    assertSignal(signal);
    signal?.throwIfAborted();
    if (this.#isClosed || this.#maxBytes === 0) return undefined;
    const partial = this.#layers.newPartialPath();
    try {
      const { mostOfOne } = this.#ports.memory;
      const held = this.#memory.hold(plainSize <= mostlyShrunk * mostOfOne ? mostOfOne : 0);
      const storage = new FileStorage(await this.#ports.createFile(partial), held);
      return this.#writers.open({
        storage,
        keep: async ({ digest, size, notes }) => {
          const entry = { digest, size, diffID, recipe, notes, usedAt: this.#ports.now() };
          await this.#layers.add(partial, entry);
          await this.#makeRoom(entry).catch(() => {}); // too large a cache is no reason to lose a layer
          return this.#layerOf(entry);
        },
        discard: () => rm(partial, { force: true }).catch(() => {}), // cleared away in a day, if not now
        onFailure: (error) => this.#warn(error),
      });
    } catch (cause) {
      this.#warn(asWriteError(cause));
      return undefined;
    }
  }

  async remove(diffID: Digest, recipe: string): Promise<void> {
    if (this.#maxBytes === 0) return;
    await this.#layers.remove(diffID, recipe).catch(() => {}); // its next reader finds out again
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    this.#writers.close();
    await this.#records[Symbol.asyncDispose]().catch(() => {}); // whoever wrote has heard
  }

  /** Looking at every file costs more than a small layer does: it is done when the cache may have become too large. */
  async #makeRoom({ digest, size }: LayerCacheEntry): Promise<void> {
    this.#unseen += size;
    if (this.#isLooking || !this.#mayBeTooLarge) return;
    this.#isLooking = true;
    try {
      do {
        this.#unseen = 0;
        this.#seen = await this.#layers.evict(this.#maxBytes, digest);
      } while (this.#unseen > 0 && this.#mayBeTooLarge); // others were added meanwhile
    } finally {
      this.#isLooking = false;
    }
  }

  get #mayBeTooLarge(): boolean {
    return this.#seen + this.#unseen > this.#maxBytes || this.#unseen > this.#maxBytes / lookPart;
  }

  #layerOf({ digest, size, notes }: LayerCacheEntry): CachedLayer {
    const path = this.#layers.blobPath(digest);
    return { digest, size, notes, open: (options) => openFileCopy(path, digest, size, options) };
  }

  #warn(warning: LayerCacheError): void {
    if (this.#hasWarned) return;
    this.#hasWarned = true;
    this.#onWarning(warning);
  }
}
