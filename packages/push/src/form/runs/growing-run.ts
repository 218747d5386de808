import type { AbortOptions, ByteStream, CompressionPassResult, Digester, OpenOptions } from '@slipway/digest';
import type { CachedLayer, LayerCacheWriter, LayerCopy } from '@slipway/layer-cache';
import { answered } from '../../answered.ts';
import { codeOf } from '../../error-code.ts';
import type { BlobIdentity } from '../form.ts';
import { type FormBytes, Moved } from '../form-bytes.ts';
import { asFormFailure, FormFailure } from '../form-failure.ts';
import type { Gate } from '../gate.ts';
import type { LayerCompression } from '../layer-compression.ts';
import { RunningHash } from '../running-hash.ts';
import { GrowingForm } from './growing-form.ts';
import { keptRun } from './kept-run.ts';
import { LentPieces } from './lent-pieces.ts';
import { RecentBytes } from './recent-bytes.ts';
import type { RecentMemory } from './recent-memory.ts';
import type { Run, RunOwner } from './run.ts';

type CommitResult = Parameters<LayerCacheWriter['commit']>[0];

export interface GrowingRunOptions {
  readonly compression: LayerCompression;
  readonly writer: LayerCacheWriter;
  /** For readers who keep pace with the making. @default all read what is written */
  readonly recentMemory: RecentMemory | undefined;
  readonly gate: Gate;
  /** Aborts when the push ends. */
  readonly signal: AbortSignal;
  readonly owner: RunOwner;
}

/**
 * A layer that is compressed into the cache. A reader who keeps pace has each piece out of the memory from which it is
 * written; others read what was written, while more of it comes: each goes at its own pace. That the cache has kept it,
 * nobody waits for but the end of the push.
 */
export class GrowingRun implements Run {
  readonly #options: GrowingRunOptions;
  readonly #made = new GrowingForm();
  readonly #hash = new RunningHash();
  readonly #recent: RecentBytes | undefined;
  readonly #done: Promise<BlobIdentity>;
  #keeping: Promise<void> | undefined;
  #kept: CachedLayer | undefined;

  constructor(options: GrowingRunOptions) {
    this.#options = options;
    const { recentMemory } = options;
    this.#recent = recentMemory && new RecentBytes(this.#hash, recentMemory);
    this.#done = this.#run();
    this.#done.catch(() => {}); // those who wait for it hear of it
  }

  identify(): Promise<BlobIdentity> {
    return this.#done;
  }

  async settled(): Promise<void> {
    await this.#done.catch(() => {});
    await this.#keeping;
  }

  available(atLeast: number, options: AbortOptions): Promise<number> {
    return this.#made.available(atLeast, options);
  }

  async take(options: AbortOptions): Promise<FormBytes> {
    const copy = await answered(this.#options.writer.open(options), options.signal, (late) =>
      late[Symbol.asyncDispose](),
    );
    return this.#made.bytes({
      side: 'copy',
      read: (reading) => this.#read(copy, reading),
      follow: (read) => this.#recent?.follow(read),
      dispose: async () => {
        this.#leaveToCache();
        await copy[Symbol.asyncDispose]();
      },
    });
  }

  /** What is kept, and what nobody holds any more, is the cache's: it may let it go. */
  #leaveToCache(): void {
    if (this.#kept !== undefined && this.#made.holders === 0) this.#options.owner.kept(keptRun(this.#kept));
  }

  async *#read(copy: LayerCopy, options: OpenOptions): ByteStream {
    try {
      yield* copy.read(options);
    } catch (error) {
      options.signal?.throwIfAborted();
      // What was written is right, and the rest is compressed again without the cache.
      if (codeOf(error) === 'ERR_CACHE_WRITE') throw new Moved('the compressed layer could not be kept');
      // The writer was closed: what it failed with says more.
      if (codeOf(error) === 'ERR_CACHE_ABORTED') await this.#made.reached(Number.POSITIVE_INFINITY, options);
      throw error;
    }
    await this.#made.reached(Number.POSITIVE_INFINITY, options); // the last byte is written, but not yet proven
  }

  async #run(): Promise<BlobIdentity> {
    const { gate, writer, compression, signal, owner } = this.#options;
    try {
      const { notes, ...identity } = await gate.pass(() => this.#fill(), { signal });
      owner.made(identity, notes);
      this.#keeping = this.#keep({ ...identity, notes });
      this.#made.complete(identity);
      this.#recent?.end();
      return identity;
    } catch (error) {
      await writer[Symbol.asyncDispose](); // leaves nothing behind
      const failure = signal.aborted ? signal.reason : compression.blame(error);
      if (!signal.aborted) owner.failed(failure);
      // Without the cache it is compressed again, which is no failure to those who wait for bytes.
      const isFull = failure instanceof FormFailure && codeOf(failure.cause) === 'ERR_CACHE_WRITE';
      const told = isFull ? new Moved(failure.message) : failure;
      this.#made.fail(told);
      this.#recent?.fail(told);
      throw failure;
    }
  }

  async #fill(): Promise<BlobIdentity & Pick<CompressionPassResult, 'notes'>> {
    const { compression, writer, signal } = this.#options;
    const lent = this.#recent && new LentPieces();
    const pass = compression.pass({ signal, reuse: true, onLent: lent?.hear, madeDigester: digesterOf(this.#hash) });
    for await (const chunk of pass.stream) {
      if (lent !== undefined) this.#recent?.add(lent.take(chunk));
      await writer.append(chunk);
      this.#made.grow(chunk.byteLength);
    }
    const { digest, size, notes } = pass.result();
    return { digest, size, notes };
  }

  /** Those who read it have all they need, whether or not it can be kept. */
  async #keep(result: CommitResult): Promise<void> {
    const { writer, owner } = this.#options;
    try {
      this.#kept = await commit(writer, result);
      this.#leaveToCache();
    } catch (error) {
      owner.failed(asFormFailure(error, 'copy'));
    }
  }
}

async function commit(writer: LayerCacheWriter, result: CommitResult): Promise<CachedLayer> {
  await using _ = writer;
  return await writer.commit(result);
}

function digesterOf(hash: RunningHash): Digester {
  return {
    get size() {
      return hash.position;
    },
    update: (chunk) => hash.update(chunk),
    digest: () => hash.digest(),
  };
}
