import type { Content } from '@slipway/digest';

/** Reads content in pieces of the caller's choice, on and on or from elsewhere. */
export class PlainReader implements AsyncDisposable {
  readonly #content: Content;
  readonly #signal: AbortSignal | undefined;
  readonly #wanted: number | undefined;
  #chunks: AsyncIterator<Uint8Array> | undefined;
  #chunk: Uint8Array = new Uint8Array(0);
  #position = 0;

  /** `wanted`: bytes that are taken at each place, where the reader goes from place to place. */
  constructor(content: Content, signal: AbortSignal | undefined, wanted?: number) {
    this.#content = content;
    this.#signal = signal;
    this.#wanted = wanted;
  }

  /** Fills `target` with what lies at `position`; where that is where the last piece ended, nothing is opened anew. */
  async fill(target: Uint8Array, position: number): Promise<void> {
    if (position !== this.#position || this.#chunks === undefined) {
      await this[Symbol.asyncDispose]();
      const chunks = this.#content.open({ from: position, wanted: this.#wanted, signal: this.#signal, reuse: true });
      this.#chunks = chunks[Symbol.asyncIterator]();
      this.#chunk = new Uint8Array(0);
      this.#position = position;
    }
    for (let filled = 0; filled < target.byteLength; ) {
      if (this.#chunk.byteLength === 0) {
        const next = await this.#chunks.next();
        if (next.done)
          throw new Error(`unreachable: content of ${this.#content.size} bytes ended at ${this.#position}`);
        this.#chunk = next.value;
      }
      const part = this.#chunk.subarray(0, target.byteLength - filled);
      target.set(part, filled);
      filled += part.byteLength;
      this.#position += part.byteLength;
      this.#chunk = this.#chunk.subarray(part.byteLength);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const chunks = this.#chunks;
    this.#chunks = undefined;
    await chunks?.return?.();
  }
}
