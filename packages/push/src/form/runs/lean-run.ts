import type { AbortOptions, ByteStream, Content, OpenOptions } from '@slipway/digest';
import type { BlobIdentity } from '../form.ts';
import { type FormBytes, Moved } from '../form-bytes.ts';
import type { LayerCompression } from '../layer-compression.ts';
import { LeanForm } from '../lean-form.ts';
import { PlainReader } from '../plain-reader.ts';
import { GrowingForm } from './growing-form.ts';
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
  readonly #made = new GrowingForm();
  readonly #done: Promise<BlobIdentity>;

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

  available(atLeast: number, options: AbortOptions): Promise<number> {
    return this.#made.available(atLeast, options);
  }

  async take({ signal }: AbortOptions): Promise<FormBytes> {
    signal?.throwIfAborted();
    return this.#made.bytes(
      'source',
      (options) => this.#read(options),
      async () => {},
    );
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
    const identity = { digest, size };
    this.#made.complete(identity);
    return identity;
  }
}
