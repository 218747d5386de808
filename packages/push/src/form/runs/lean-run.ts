import type { AbortOptions, ByteStream, Content, OpenOptions } from '@slipway/digest';
import type { BlobIdentity } from '../form.ts';
import { type FormBytes, Moved } from '../form-bytes.ts';
import { Growth } from '../growth.ts';
import type { LayerCompression } from '../layer-compression.ts';
import { LeanForm } from '../lean-form.ts';
import { PlainReader } from '../plain-reader.ts';
import type { Run, RunOwner } from './run.ts';

export interface LeanRunOptions {
  readonly plain: Content;
  readonly compression: LayerCompression;
  /** Aborts when the push ends. */
  readonly signal: AbortSignal;
  readonly owner: RunOwner;
}

/** A layer that cannot be compressed: one pass finds out what its form is, and readers make it of the source again. */
export class LeanRun implements Run {
  readonly #options: LeanRunOptions;
  readonly #form = new LeanForm();
  readonly #made = new Growth();
  readonly #done: Promise<BlobIdentity>;
  #identity: BlobIdentity | undefined;

  constructor(options: LeanRunOptions) {
    this.#options = options;
    this.#done = this.#run();
    this.#done.catch(() => {}); // those who wait for it hear of it
  }

  identify(): Promise<BlobIdentity> {
    return this.#done;
  }

  settled(): Promise<unknown> {
    return this.#done.catch(() => {});
  }

  async available(atLeast: number, options: AbortOptions): Promise<number> {
    await this.#made.reached(atLeast, options);
    return this.#made.total;
  }

  async take({ signal }: AbortOptions): Promise<FormBytes> {
    signal?.throwIfAborted();
    const identity = (): BlobIdentity | undefined => this.#identity;
    return {
      side: 'source',
      get identity() {
        return identity();
      },
      get size() {
        return identity()?.size;
      },
      available: (atLeast, options) => this.available(atLeast, options),
      read: (options) => this.#read(options),
      async [Symbol.asyncDispose]() {},
    };
  }

  async *#read({ from = 0, signal, reuse }: OpenOptions): ByteStream {
    await using plain = new PlainReader(this.#options.plain, signal);
    for (let position = from; ; ) {
      for await (const chunk of this.#form.read(plain, { from: position, signal, reuse })) {
        position += chunk.byteLength;
        yield chunk;
      }
      await this.#made.reached(position + 1, { signal });
      if (this.#made.hasEnded && position >= this.#made.total) return;
    }
  }

  async #run(): Promise<BlobIdentity> {
    const { compression, signal, owner } = this.#options;
    try {
      const identity = await this.#fill();
      owner.made(identity);
      return identity;
    } catch (error) {
      const failure = signal.aborted ? signal.reason : error instanceof Moved ? error : compression.blame(error);
      if (!signal.aborted) owner.failed(failure);
      this.#made.fail(failure);
      throw failure;
    }
  }

  async #fill(): Promise<BlobIdentity> {
    const { compression, signal } = this.#options;
    const pass = compression.pass({ signal, reuse: true, onStored: (range) => this.#form.tell(range) });
    for await (const chunk of pass.stream) {
      this.#form.append(chunk);
      this.#made.grow(chunk.byteLength);
    }
    const { digest, size } = pass.result();
    this.#identity = { digest, size };
    this.#made.end();
    return this.#identity;
  }
}
