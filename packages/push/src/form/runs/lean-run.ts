import type { AbortOptions, ByteStream, Content, OpenOptions } from '@slipway/digest';
import { abortable } from '@slipway/transfer';
import type { AvailableOptions, BlobIdentity } from '../form.ts';
import { type Following, type FormBytes, Moved } from '../form-bytes.ts';
import { sureBytes } from '../incompressible-layer.ts';
import type { LayerCompression } from '../layer-compression.ts';
import { LeanForm } from '../lean-form.ts';
import { PlainReader } from '../plain-reader.ts';
import { GrowingForm } from './growing-form.ts';
import { Handover } from './handover.ts';
import type { Run, RunOwner } from './run.ts';

/** Fewer bytes are not promised before they are made: they are kept for who follows, with what comes after them. */
const worthPromising = 512 * 1024;

export interface LeanRunOptions {
  readonly plain: Content;
  readonly compression: LayerCompression;
  /** Aborts when the push ends. */
  readonly signal: AbortSignal;
  readonly owner: RunOwner;
}

/**
 * A layer that cannot be compressed. One pass makes its form and finds out what it is; a reader who is there from the
 * beginning follows it, so that the layer is read and hashed once. Everybody else makes the form of the source again.
 */
export class LeanRun implements Run {
  readonly #options: LeanRunOptions;
  readonly #form = new LeanForm();
  readonly #made = new GrowingForm();
  readonly #handover = new Handover();
  readonly #done: Promise<BlobIdentity>;
  #sure: Promise<number> | undefined;

  constructor(options: LeanRunOptions) {
    this.#options = options;
    this.#done = this.#run();
    this.#done.catch(() => {}); // those who wait for it hear of it
  }

  identify(): Promise<BlobIdentity> {
    this.#handover.hurry();
    return this.#done;
  }

  settled(): Promise<unknown> {
    return this.#done.catch(() => {});
  }

  async available(atLeast: number, { beyond, signal }: AvailableOptions): Promise<number> {
    if (atLeast > Math.max(1, this.#made.total) && !this.#made.hasEnded) {
      this.#sure ??= sureBytes(this.#options.plain, this.#options).catch(() => 1); // the pass tells what is wrong
      const sure = await abortable(this.#sure, signal);
      const isWorthIt = beyond !== undefined && sure - beyond >= worthPromising;
      if ((sure >= atLeast || isWorthIt) && !this.#made.hasEnded) return Math.max(sure, this.#made.total);
      this.#handover.hurry();
    }
    return await this.#made.available(atLeast, { signal });
  }

  async take({ signal }: AbortOptions): Promise<FormBytes> {
    signal?.throwIfAborted();
    return this.#made.bytes({
      side: 'source',
      available: (atLeast, options) => this.available(atLeast, options),
      read: (options) => this.#read(options),
      follow: (read) => (read === undefined ? this.#follow() : undefined),
      dispose: async () => {
        if (this.#made.holders === 0) this.#handover.leave(); // nobody is waited for
      },
    });
  }

  /** Several readers at once go at their own paces. */
  #follow(): Following | undefined {
    return this.#made.holders === 1 ? this.#handover.take() : undefined;
  }

  async *#read({ from = 0, signal, reuse }: OpenOptions): ByteStream {
    await using plain = new PlainReader(this.#options.plain, signal);
    for (let position = from; ; ) {
      for await (const chunk of this.#form.read(plain, { from: position, signal, reuse })) {
        position += chunk.byteLength;
        yield chunk;
      }
      this.#handover.hurry();
      await this.#made.reached(position + 1, { signal });
      if (this.#made.hasEnded && position >= this.#made.total) return;
    }
  }

  async #run(): Promise<BlobIdentity> {
    const { compression, signal, owner } = this.#options;
    const onAbort = (): void => this.#handover.fail(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      const identity = await this.#fill();
      owner.made(identity);
      this.#made.complete(identity);
      this.#handover.end();
      return identity;
    } catch (error) {
      const failure = signal.aborted ? signal.reason : error instanceof Moved ? error : compression.blame(error);
      if (!signal.aborted) owner.failed(failure);
      this.#made.fail(failure);
      this.#handover.fail(failure);
      throw failure;
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
  }

  async #fill(): Promise<BlobIdentity> {
    const { compression, signal } = this.#options;
    const onStored = this.#form.tell.bind(this.#form);
    const pass = compression.pass({ signal, reuse: true, isNoise: true, onStored });
    for await (const chunk of pass.stream) {
      this.#form.append(chunk);
      this.#made.grow(chunk.byteLength);
      if (this.#made.holders === 0) this.#handover.leave(); // nobody is there to follow
      await this.#handover.give(chunk);
    }
    const { digest, size } = pass.result();
    return { digest, size };
  }
}
