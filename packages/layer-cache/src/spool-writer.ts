import { assertArgument, someBytes } from '@slipway/arguments';
import type { AbortOptions } from '@slipway/digest';
import { LayerCacheError } from './errors.ts';
import type { CachedLayer, LayerCacheWriter, LayerCopy } from './layer-cache.ts';
import { Spool, type SpoolStorage } from './spool.ts';

type CommitResult = Parameters<LayerCacheWriter['commit']>[0];

export interface SpoolWriterOptions {
  readonly storage: SpoolStorage;
  /** Makes what was written a cached layer. */
  readonly keep: (result: CommitResult) => Promise<CachedLayer>;
  /** Removes what was written. */
  readonly discard: () => Promise<void>;
  /** Hears of the first failure, before the caller does; not of one that {@link SpoolWriter.giveUp} has caused. */
  readonly onFailure: (error: LayerCacheError) => void;
}

/** The writers of a cache that are at work: none of them has anywhere to keep its layer once the cache is closed. */
export class OpenWriters {
  readonly #writers = new Set<SpoolWriter>();
  #isClosed = false;

  open(options: SpoolWriterOptions): LayerCacheWriter {
    const writer = new SpoolWriter(options, () => this.#writers.delete(writer));
    this.#writers.add(writer);
    if (this.#isClosed) writer.giveUp();
    return writer;
  }

  /** Whoever reads what a writer has not completed is told that nothing more will come. */
  close(): void {
    this.#isClosed = true;
    for (const writer of this.#writers) writer.giveUp();
  }
}

/** The writer of every layer cache: where the bytes gather, and what becomes of them, is up to the cache. */
class SpoolWriter implements LayerCacheWriter {
  readonly #options: SpoolWriterOptions;
  readonly #spool: Spool;
  readonly #onClosed: () => void;
  #kept: CachedLayer | undefined;
  #isClosed = false;
  #hasFailed = false;

  constructor(options: SpoolWriterOptions, onClosed: () => void) {
    this.#options = options;
    this.#onClosed = onClosed;
    this.#spool = new Spool(options.storage);
  }

  async append(chunk: Uint8Array): Promise<void> {
    assertArgument('chunk', chunk, someBytes);
    this.#assertOpen('append');
    await this.#orFail(() => this.#spool.append(chunk));
  }

  async open(options: AbortOptions = {}): Promise<LayerCopy> {
    options.signal?.throwIfAborted();
    // Nobody holds the bytes any more: the cache may still have them.
    if (!this.#spool.isOpen && this.#kept !== undefined) return await this.#kept.open(options);
    return this.#spool.hold();
  }

  async commit(result: CommitResult): Promise<CachedLayer> {
    this.#assertOpen('commit');
    if (result.size !== this.#spool.size) {
      throw new RangeError(`Expected \`size\` to be what was appended, ${this.#spool.size} bytes, got ${result.size}`);
    }
    return await this.#orFail(async () => {
      this.#spool.complete(); // first: the readers have all they need, whether or not it can be kept
      await this.#spool.flush();
      this.#kept = await this.#options.keep(result);
      return this.#kept;
    });
  }

  /** Takes nothing more; what was committed is not touched. */
  giveUp(): void {
    this.#hasFailed = true;
    this.#spool.fail(
      new LayerCacheError('ERR_CACHE_ABORTED', 'The layer cache was closed before the layer was complete'),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#onClosed();
    await this.#spool.close();
    if (this.#kept === undefined) await this.#options.discard();
  }

  #assertOpen(operation: string): void {
    if (this.#isClosed) throw new TypeError(`Expected an open layer writer to ${operation}, got a closed one`);
    if (this.#kept !== undefined)
      throw new TypeError(`Expected an open layer writer to ${operation}, got a committed one`);
  }

  async #orFail<T>(run: () => Promise<T>): Promise<T> {
    try {
      return await run();
    } catch (cause) {
      const error = asWriteError(cause);
      this.#spool.fail(error);
      if (!this.#hasFailed) this.#options.onFailure(error);
      this.#hasFailed = true;
      throw error;
    }
  }
}

/** What the operating system says, as the one failure that callers are to expect. */
export function asWriteError(cause: unknown): LayerCacheError {
  if (cause instanceof LayerCacheError) return cause;
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new LayerCacheError('ERR_CACHE_WRITE', `Cannot keep the compressed layer: ${reason}`, { cause });
}
