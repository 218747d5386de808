import type { AbortOptions, ByteStream, OpenOptions } from '@slipway/digest';
import type { BlobIdentity } from '../form.ts';
import type { FormBytes } from '../form-bytes.ts';
import type { Gate } from '../gate.ts';
import type { LayerCompression } from '../layer-compression.ts';
import type { Run, RunOwner } from './run.ts';

export interface DirectRunOptions {
  readonly compression: LayerCompression;
  /** What an earlier run has made of the layer. */
  readonly identity: () => BlobIdentity | undefined;
  readonly gate: Gate;
  /** Aborts when the push ends. */
  readonly signal: AbortSignal;
  readonly owner: RunOwner;
}

/**
 * A layer that is kept nowhere: each reader compresses it for itself, at the pace of its upload, in constant memory.
 */
export class DirectRun implements Run {
  readonly #options: DirectRunOptions;
  #measured: Promise<BlobIdentity> | undefined;

  constructor(options: DirectRunOptions) {
    this.#options = options;
  }

  identify(): Promise<BlobIdentity> {
    this.#measured ??= this.#measure();
    return this.#measured;
  }

  async settled(): Promise<unknown> {
    return await this.#measured?.catch(() => {});
  }

  async available(): Promise<undefined> {}

  async take({ signal }: AbortOptions): Promise<FormBytes> {
    signal?.throwIfAborted();
    const { identity } = this.#options;
    return {
      side: 'source',
      get identity() {
        return identity();
      },
      get size() {
        return identity()?.size;
      },
      available: () => this.available(),
      read: (options) => this.#read(options),
      async [Symbol.asyncDispose]() {},
    };
  }

  /** Compressed bytes from `from` on. The last of them come when it is known what all are. */
  async *#read({ from = 0, signal }: OpenOptions): ByteStream {
    const { compression, owner } = this.#options;
    const rooms = new Rooms();
    let held: Uint8Array | undefined;
    let position = 0;
    try {
      const pass = compression.pass({ signal, reuse: true });
      for await (const chunk of pass.stream) {
        const wanted = chunk.subarray(Math.max(0, from - position));
        position += chunk.byteLength;
        if (wanted.byteLength === 0) continue;
        const next = rooms.copy(wanted);
        if (held !== undefined) yield held;
        held = next;
      }
      const { digest, size, notes } = pass.result();
      owner.made({ digest, size }, notes);
    } catch (error) {
      signal?.throwIfAborted();
      throw compression.blame(error);
    }
    if (held !== undefined) yield held;
  }

  #measure(): Promise<BlobIdentity> {
    const { compression, gate, signal, owner } = this.#options;
    const measuring = gate.pass(
      async () => {
        try {
          const pass = compression.pass({ signal, reuse: true });
          for await (const _ of pass.stream);
          const { digest, size, notes } = pass.result();
          owner.made({ digest, size }, notes);
          return { digest, size };
        } catch (error) {
          signal.throwIfAborted();
          throw compression.blame(error);
        }
      },
      { signal },
    );
    measuring.catch(() => {
      this.#measured = undefined; // whoever asks next begins anew
    });
    return measuring;
  }
}

/**
 * Two copies of chunks, in memory that is used in turn: what the reader has is written over when it asks for the next
 * but one.
 */
class Rooms {
  #room: Uint8Array = new Uint8Array(0);
  #other: Uint8Array = new Uint8Array(0);

  copy(chunk: Uint8Array): Uint8Array {
    [this.#room, this.#other] = [this.#other, this.#room];
    if (this.#room.byteLength < chunk.byteLength) this.#room = new Uint8Array(chunk.byteLength);
    this.#room.set(chunk);
    return this.#room.subarray(0, chunk.byteLength);
  }
}
