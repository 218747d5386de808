import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { aFunction, assertOptions, assertSignal, aText, surviving } from '@slipway/arguments';
import type { AbortOptions, Digest } from '@slipway/digest';
import type { LayerCacheError } from './errors.ts';
import type { BeginOptions, CachedLayer, LayerCache, LayerCacheWriter } from './layer-cache.ts';
import { recordsInMemory } from './layer-records.ts';
import { openLayerCacheWith } from './open-layer-cache.ts';
import { defaultPorts } from './spool-file.ts';
import { asWriteError } from './spool-writer.ts';

/** Where the cache lies while it lives. */
export interface TemporaryLayerCacheOptions {
  /** An existing folder for temporary files; the cache makes one of its own in it, with the first layer. */
  readonly folder: string;
  /** Hears once that layers cannot be kept. @default nobody does */
  readonly onWarning?: ((warning: LayerCacheError) => void) | undefined;
}

/** Keeps compressed layers until it is closed, and leaves nothing behind: for a push that shall use no cache. */
export function createTemporaryLayerCache(options: TemporaryLayerCacheOptions): LayerCache & AsyncDisposable {
  assertOptions('options', options, { required: { folder: aText }, optional: { onWarning: aFunction } });
  return new TemporaryLayerCache(options);
}

class TemporaryLayerCache implements LayerCache, AsyncDisposable {
  readonly #options: TemporaryLayerCacheOptions;
  #opening: Promise<{ readonly folder: string; readonly cache: LayerCache & AsyncDisposable } | undefined> | undefined;
  #isClosed = false;

  constructor(options: TemporaryLayerCacheOptions) {
    this.#options = options;
  }

  async find(diffID: Digest, recipe: string, options: AbortOptions = {}): Promise<CachedLayer | undefined> {
    assertSignal(options.signal);
    options.signal?.throwIfAborted();
    if (this.#isClosed) return undefined;
    const opened = await this.#opening;
    return await opened?.cache.find(diffID, recipe, options);
  }

  async begin(diffID: Digest, recipe: string, options: BeginOptions = {}): Promise<LayerCacheWriter | undefined> {
    assertSignal(options.signal);
    options.signal?.throwIfAborted();
    if (this.#isClosed) return undefined;
    this.#opening ??= this.#open();
    const opened = await this.#opening;
    return await opened?.cache.begin(diffID, recipe, options);
  }

  async remove(diffID: Digest, recipe: string): Promise<void> {
    const opened = await this.#opening;
    await opened?.cache.remove(diffID, recipe);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    const opened = await this.#opening;
    if (opened === undefined) return;
    await opened.cache[Symbol.asyncDispose]();
    // the system clears its temporary files too
    await rm(opened.folder, { recursive: true, force: true }).catch(() => {});
  }

  async #open(): Promise<{ readonly folder: string; readonly cache: LayerCache & AsyncDisposable } | undefined> {
    const { folder: parent, onWarning } = this.#options;
    try {
      const folder = await mkdtemp(join(parent, 'slipway-layers-'));
      const own = { folder, maxBytes: Number.POSITIVE_INFINITY, onWarning };
      return { folder, cache: await openLayerCacheWith(own, defaultPorts, async () => recordsInMemory()) };
    } catch (cause) {
      surviving('onWarning', onWarning)?.(asWriteError(cause));
      return undefined;
    }
  }
}
