/** Memory that threads share, in pieces of one size, kept for the next one who needs it. */
export class SharedMemory {
  readonly #mostSpare: number;
  #spare: Uint8Array[] = [];

  constructor(mostSpare: number) {
    this.#mostSpare = mostSpare;
  }

  take(size: number): Uint8Array {
    if (this.#spare.at(-1)?.byteLength !== size) this.#spare = [];
    return this.#spare.pop() ?? new Uint8Array(new SharedArrayBuffer(size));
  }

  giveBack({ buffer }: Uint8Array): void {
    if (this.#spare.length < this.#mostSpare) this.#spare.push(new Uint8Array(buffer));
  }

  clear(): void {
    this.#spare = [];
  }
}
