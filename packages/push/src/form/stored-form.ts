import type { AbortOptions, ByteStream, Content, OpenOptions } from '@slipway/digest';
import { abortable } from '@slipway/transfer';
import type { BlobForm, BlobIdentity, FormReader } from './form.ts';
import type { FormBytes, ReadableForm } from './form-bytes.ts';
import { asFormFailure, type FormFailure } from './form-failure.ts';
import { openFormReader } from './form-reader.ts';
import { Gate } from './gate.ts';
import type { LayerCheck } from './layer-check.ts';

export interface StoredFormOptions {
  /** What a descriptor says of the bytes. @default it is computed, by one reading */
  readonly identity?: BlobIdentity | undefined;
  /** @default the bytes are compared with their digest only */
  readonly check?: LayerCheck | undefined;
  /** Passed by the reading that computes the identity. @default a gate of its own */
  readonly gate?: Gate | undefined;
  /** Aborts when the push ends. @default nothing does */
  readonly signal?: AbortSignal | undefined;
}

/** Bytes that go as they lie in the source. */
export class StoredForm implements BlobForm, ReadableForm {
  readonly recipe: undefined;
  readonly notes: undefined;
  readonly isKept: boolean = true;
  readonly readTotal: number;
  readonly check: LayerCheck | undefined;
  readonly rereading: Gate = new Gate(1);
  readonly #content: Content;
  readonly #gate: Gate;
  readonly #signal: AbortSignal | undefined;
  #identity: BlobIdentity | undefined;
  #identifying: Promise<BlobIdentity> | undefined;
  #read = 0;

  constructor(content: Content, { identity, check, gate = new Gate(1), signal }: StoredFormOptions = {}) {
    this.#content = content;
    this.#identity = identity;
    this.#gate = gate;
    this.#signal = signal;
    this.check = check;
    this.readTotal = content.size;
  }

  get identity(): BlobIdentity | undefined {
    return this.#identity;
  }

  get read(): number {
    return this.#identity === undefined ? this.#read : this.readTotal;
  }

  async identify({ signal }: AbortOptions = {}): Promise<BlobIdentity> {
    signal?.throwIfAborted();
    if (this.#identity !== undefined) return this.#identity;
    this.#identifying ??= this.#compute();
    return await abortable(this.#identifying, signal);
  }

  async recall({ signal }: AbortOptions = {}): Promise<BlobIdentity | undefined> {
    signal?.throwIfAborted();
    return this.#identity;
  }

  async available(_atLeast: number, { signal }: AbortOptions = {}): Promise<number> {
    signal?.throwIfAborted();
    return this.#content.size;
  }

  reader(): FormReader {
    return openFormReader(this);
  }

  async settled(): Promise<void> {
    await this.#identifying?.catch(() => {}); // whoever asked for it has heard
  }

  async take(options: AbortOptions): Promise<FormBytes> {
    await this.identify(options); // without a digest, nothing would say that two readers have read the same
    return this.#bytes();
  }

  adopt(): void {}

  blame(_bytes: FormBytes | undefined, error: unknown): FormFailure {
    this.#signal?.throwIfAborted();
    return asFormFailure(error, 'source');
  }

  #bytes(): FormBytes {
    const identity = (): BlobIdentity | undefined => this.#identity;
    const { size } = this.#content;
    return {
      side: 'source',
      get identity() {
        return identity();
      },
      get size() {
        return identity()?.size ?? size;
      },
      available: (atLeast, options) => this.available(atLeast, options),
      read: (options) => this.#counted(options),
      async [Symbol.asyncDispose]() {},
    };
  }

  /** Reads all bytes once, unpacks them on the way, and says what they are. */
  #compute(): Promise<BlobIdentity> {
    const options = { signal: this.#signal };
    const bytes: ReadableForm = {
      check: this.check,
      rereading: this.rereading,
      take: async () => this.#bytes(),
      adopt: (identity) => {
        this.#identity = identity;
      },
      blame: (_, error) => this.blame(_, error),
    };
    const computing = this.#gate.pass(async () => {
      await using reader = openFormReader(bytes);
      return await reader.prove(options);
    }, options);
    computing.catch(() => {
      this.check?.reset();
      this.#identifying = undefined; // whoever asks next begins anew
    });
    return computing;
  }

  async *#counted(options: OpenOptions): ByteStream {
    let position = options.from ?? 0;
    for await (const chunk of this.#content.open(options)) {
      position += chunk.byteLength;
      this.#read = Math.max(this.#read, position);
      yield chunk;
    }
  }
}
