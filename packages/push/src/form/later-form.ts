import { type AbortOptions, contentOf, digestBytes } from '@slipway/digest';
import { abortable } from '@slipway/transfer';
import type { BlobForm, BlobIdentity, FormReader } from './form.ts';
import type { FormBytes, ReadableForm } from './form-bytes.ts';
import { asFormFailure, type FormFailure } from './form-failure.ts';
import { openFormReader } from './form-reader.ts';
import { Gate } from './gate.ts';
import { StoredForm } from './stored-form.ts';

/**
 * A small blob whose bytes are known once others are made: the config of an image whose layers get other diffIDs here.
 */
export class LaterForm implements BlobForm, ReadableForm {
  readonly recipe: undefined;
  readonly notes: undefined;
  readonly check: undefined;
  readonly isKept: boolean = true;
  readonly read = 0;
  readonly readTotal = 0;
  readonly rereading: Gate = new Gate(1);
  readonly #make: (options: AbortOptions) => Promise<Uint8Array>;
  readonly #signal: AbortSignal;
  #stored: StoredForm | undefined;
  #making: Promise<StoredForm> | undefined;

  /** `make` runs until `signal` aborts; a failure of it is not kept. */
  constructor(make: (options: AbortOptions) => Promise<Uint8Array>, signal: AbortSignal) {
    this.#make = make;
    this.#signal = signal;
  }

  get identity(): BlobIdentity | undefined {
    return this.#stored?.identity;
  }

  async identify({ signal }: AbortOptions = {}): Promise<BlobIdentity> {
    return await (await this.#form(signal)).identify({ signal });
  }

  async recall({ signal }: AbortOptions = {}): Promise<BlobIdentity | undefined> {
    signal?.throwIfAborted();
    return this.identity;
  }

  async available(_atLeast: number, { signal }: AbortOptions = {}): Promise<number> {
    return (await this.identify({ signal })).size;
  }

  reader(): FormReader {
    return openFormReader(this);
  }

  async settled(): Promise<void> {
    await this.#making?.catch(() => {}); // whoever asked for it has heard
  }

  async take(options: AbortOptions): Promise<FormBytes> {
    return await (await this.#form(options.signal)).take(options);
  }

  adopt(): void {}

  blame(_bytes: FormBytes | undefined, error: unknown): FormFailure {
    this.#signal.throwIfAborted();
    return asFormFailure(error, 'source');
  }

  async #form(signal: AbortSignal | undefined): Promise<StoredForm> {
    signal?.throwIfAborted();
    if (this.#stored !== undefined) return this.#stored;
    this.#making ??= this.#begin();
    return await abortable(this.#making, signal);
  }

  async #begin(): Promise<StoredForm> {
    try {
      const bytes = await this.#make({ signal: this.#signal });
      const identity = { digest: digestBytes(bytes), size: bytes.byteLength };
      this.#stored = new StoredForm(contentOf(bytes), { identity });
      return this.#stored;
    } catch (error) {
      this.#making = undefined;
      this.#signal.throwIfAborted();
      throw asFormFailure(error, 'source');
    }
  }
}
