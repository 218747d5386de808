/** Buffers that nobody uses, by their size, for the next reader: 4 MiB of each size at most. */
const spare = new Map<number, Buffer[]>();
const mostSpareBytes = 4 * 1024 * 1024;

/**
 * Where one reader reads to: fresh buffers, or, where each chunk is used up before the next one is asked for, two in
 * turn, which go on to the next reader. Left to the garbage collector, they are most of the memory of a push of many
 * layers.
 */
export class ReadBuffers implements Disposable {
  readonly #size: number;
  readonly #isReused: boolean;
  readonly #pair: Buffer[] = [];
  #reads = 0;

  constructor(size: number, isReused: boolean) {
    this.#size = size;
    this.#isReused = isReused;
  }

  /** Room for the next `length` bytes, at most the size of a buffer. */
  next(length: number): Buffer {
    if (!this.#isReused) return Buffer.allocUnsafeSlow(length);
    const turn = this.#reads++ % 2;
    this.#pair[turn] ??= spare.get(this.#size)?.pop() ?? Buffer.allocUnsafeSlow(this.#size);
    return this.#pair[turn].subarray(0, length);
  }

  /** To be called when nothing is read any more. */
  [Symbol.dispose](): void {
    const others = spare.get(this.#size) ?? [];
    spare.set(this.#size, others);
    for (const buffer of this.#pair.splice(0)) {
      if (others.length * this.#size < mostSpareBytes) others.push(buffer);
    }
  }
}
