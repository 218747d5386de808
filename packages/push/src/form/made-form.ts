import {
  type AbortOptions,
  type ByteStream,
  type CompressOptions,
  type Compressor,
  type Content,
  compressionPass,
  type Digest,
  type OpenOptions,
  type ReuseOptions,
} from '@slipway/digest';
import type { CachedLayer, LayerCache, LayerCacheWriter } from '@slipway/image-store';
import { codeOf } from '../error-code.ts';
import { compressFirstLimit } from '../upload/upload-shapes.ts';
import type { BlobForm, BlobIdentity } from './form.ts';
import type { Gate } from './gate.ts';
import { looksIncompressible } from './incompressible-layer.ts';
import { LeanForm, NotLean } from './lean-form.ts';
import { abortable, Growth } from './waiting.ts';

export interface MadeFormOptions {
  readonly diffID: Digest;
  /** Opens the plain tar from its start. Each chunk is used up before the next one is asked for. */
  readonly openPlain: (options: ReuseOptions) => ByteStream;
  /** The plain tar, where any part of it can be read by itself. */
  readonly plain: Content | undefined;
  /** Bytes of the plain tar, or of what it is unpacked from: for progress only. */
  readonly readTotal: number;
  readonly compressor: Compressor;
  readonly cache: LayerCache | undefined;
  /** Passed by what is compressed into the cache: more at once than there are cores costs memory and saves no time. */
  readonly gate: Gate;
  /** Aborts when the push ends; a computation outlives the one destination that began it. */
  readonly signal: AbortSignal;
}

/** One computation of the compressed bytes, and a way to read what it has made so far. */
interface Run {
  readonly done: Promise<BlobIdentity>;
  /** What has been made, for reading it while more is made; undefined when nothing is kept. */
  readonly made: Growth | undefined;
  open(options: OpenOptions): ByteStream;
}

/**
 * A layer that is compressed here: once, into the cache, from where every destination and every retry reads, also
 * while it still grows. One that cannot be compressed is not kept: its form is the source's bytes, and read there (decision 0062). Without a
 * cache each reader compresses for itself, with back-pressure and in constant memory.
 */
export class MadeForm implements BlobForm {
  readonly recipe: string;
  readonly readTotal: number;
  readonly #options: MadeFormOptions;
  #cache: LayerCache | undefined;
  #read = 0;
  #identity: BlobIdentity | undefined;
  #run: Promise<Run> | undefined;
  /** What {@link #run} came to last. */
  #current: Run | undefined;
  #mayBeLean = true;

  constructor(options: MadeFormOptions) {
    this.#options = options;
    this.#cache = options.cache;
    this.recipe = options.compressor.recipe;
    this.readTotal = options.readTotal;
  }

  get isKept(): boolean {
    return this.#cache !== undefined;
  }

  get identity(): BlobIdentity | undefined {
    return this.#identity;
  }

  get read(): number {
    return this.#read;
  }

  async recall({ signal }: AbortOptions = {}): Promise<BlobIdentity | undefined> {
    signal?.throwIfAborted();
    if (this.#run === undefined) {
      const kept = await this.#cache?.find(this.#options.diffID, this.recipe, { signal });
      if (kept !== undefined) this.#run ??= Promise.resolve(this.#keptRun(kept));
    }
    return this.#identity;
  }

  async identify({ signal }: AbortOptions = {}): Promise<BlobIdentity> {
    const known = await this.recall({ signal });
    if (known !== undefined) return known;
    const run = await this.#start();
    try {
      return await abortable(run.done, signal);
    } catch (error) {
      if (!this.#goOnWithout(run, error)) throw error;
      return this.identify({ signal });
    }
  }

  async available(atLeast: number, { signal }: AbortOptions = {}): Promise<number | undefined> {
    const run = await this.#start();
    const { made, done } = run;
    if (made === undefined) return undefined;
    try {
      await abortable(Promise.race([made.reached(atLeast), done]), signal);
      return made.total;
    } catch (error) {
      if (!this.#goOnWithout(run, error)) throw error;
      return this.available(atLeast, { signal });
    }
  }

  async *open(options: OpenOptions = {}): ByteStream {
    let from = options.from ?? 0;
    for (;;) {
      const run = await this.#start();
      try {
        for await (const chunk of run.open({ ...options, from })) {
          from += chunk.byteLength;
          yield chunk;
        }
        return;
      } catch (error) {
        options.signal?.throwIfAborted();
        this.#goOnWithout(run, error);
        if (!(error instanceof NotLean)) throw error;
      }
    }
  }

  async #start(): Promise<Run> {
    this.#run ??= this.#begin();
    this.#current = await this.#run;
    return this.#current;
  }

  async #begin(): Promise<Run> {
    const { diffID, signal } = this.#options;
    const kept = await this.#cache?.find(diffID, this.recipe, { signal });
    if (kept !== undefined) return this.#keptRun(kept);
    const { plain } = this.#options;
    const mayBeLean = this.#mayBeLean && this.#cache !== undefined && plain !== undefined;
    if (mayBeLean && plain.size > compressFirstLimit && (await looksIncompressible(plain, { signal })))
      return this.#leanRun(plain);
    const writer = await this.#cache?.begin(diffID, this.recipe, { signal });
    return writer === undefined ? this.#directRun() : this.#cachedRun(writer);
  }

  #keptRun(kept: CachedLayer): Run {
    this.#adopt(kept);
    const identity = { digest: kept.digest, size: kept.size };
    const open = (options: OpenOptions): ByteStream => kept.content.open(options);
    return { done: Promise.resolve(identity), made: new Growth(kept.size), open };
  }

  #cachedRun(writer: LayerCacheWriter): Run {
    let kept: CachedLayer | undefined;
    const made = new Growth(0);
    const fill = async (): Promise<BlobIdentity> => {
      const pass = this.#pass({ signal: this.#options.signal, reuse: true });
      for await (const chunk of pass.stream) {
        await writer.append(chunk);
        made.grow(chunk.byteLength);
      }
      kept = await writer.commit(pass.result());
      return this.#adopt(kept);
    };
    const run = async (): Promise<BlobIdentity> => {
      await using _ = writer; // what is not committed leaves nothing behind
      const { gate, signal } = this.#options;
      return await gate.pass(fill, { signal });
    };
    const done = run();
    done.catch(() => {}); // readers and `identify` hear of it
    const open = async function* (options: OpenOptions): ByteStream {
      if (kept !== undefined) return yield* kept.content.open(options);
      const { from = 0, signal, reuse } = options;
      try {
        yield* writer.openWritten(from, { reuse });
      } catch (error) {
        await abortable(done, signal); // the computation's own error says more than the reader's
        throw error;
      }
      await abortable(done, signal); // a reader ends only when the source has proved itself
    };
    return { done, made, open };
  }

  #leanRun(plain: Content): Run {
    const { signal } = this.#options;
    const form = new LeanForm(plain);
    const made = new Growth(0);
    const fill = async (): Promise<BlobIdentity> => {
      const pass = this.#pass({ signal, reuse: true, onStored: (range) => form.tell(range) });
      for await (const chunk of pass.stream) {
        form.append(chunk);
        made.grow(chunk.byteLength);
      }
      return this.#adopt(pass.result());
    };
    const done = fill();
    done.catch(() => {}); // readers and `identify` hear of it
    const open = async function* (options: OpenOptions): ByteStream {
      for (let from = options.from ?? 0; ; ) {
        for await (const chunk of form.open({ ...options, from })) {
          from += chunk.byteLength;
          yield chunk;
        }
        const identity = await abortable(Promise.race([made.reached(from + 1), done]), options.signal);
        if (identity !== undefined && from >= identity.size) return;
      }
    };
    return { done, made, open };
  }

  #directRun(): Run {
    const compress = async function* (this: MadeForm, { from = 0, signal, reuse }: OpenOptions): ByteStream {
      const pass = this.#pass({ signal, reuse });
      let position = 0;
      for await (const chunk of pass.stream) {
        const start = Math.max(0, from - position);
        position += chunk.byteLength;
        if (start < chunk.byteLength) yield start === 0 ? chunk : chunk.subarray(start);
      }
      this.#adopt(pass.result());
    }.bind(this);
    const measure = async (): Promise<BlobIdentity> => {
      for await (const _ of compress({ signal: this.#options.signal, reuse: true }));
      return this.#identity as BlobIdentity;
    };
    let measured: Promise<BlobIdentity> | undefined;
    return {
      get done() {
        measured ??= measure();
        return measured;
      },
      made: undefined,
      open: compress,
    };
  }

  #pass(options: CompressOptions): ReturnType<typeof compressionPass> {
    const { openPlain, compressor, diffID } = this.#options;
    this.#read = 0;
    const plain = this.#counted(openPlain({ signal: options.signal, reuse: true }));
    return compressionPass(plain, compressor, { ...options, expected: { digest: diffID } });
  }

  async *#counted(source: ByteStream): ByteStream {
    for await (const chunk of source) {
      this.#read = Math.min(this.#read + chunk.byteLength, this.readTotal);
      yield chunk;
    }
  }

  #adopt({ digest, size }: BlobIdentity): BlobIdentity {
    this.#identity = { digest, size };
    this.#read = this.readTotal;
    return this.#identity;
  }

  /** Goes on without what failed: the cache (disk full), or the belief that the layer cannot be compressed. Returns whether trying again makes sense. */
  #goOnWithout(run: Run, error: unknown): boolean {
    if (error instanceof NotLean) this.#mayBeLean = false;
    else if (codeOf(error) === 'ERR_CACHE_WRITE') this.#cache = undefined;
    else return false;
    if (this.#current === run) this.#run = undefined; // somebody else may have begun anew
    return true;
  }
}
