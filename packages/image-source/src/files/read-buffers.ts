/** Buffers that nobody uses, by their size, for the next reader: 8 MiB of each size at most. */
const spare = new Map<number, Buffer[]>();
const mostSpareBytes = 8 * 1024 * 1024;

export interface ReadBuffersOptions {
  /** Each chunk is used up before the next one is asked for. */
  readonly isReused: boolean;
  /** Buffers that are filled in turn: one more than are read ahead. */
  readonly count: number;
}

/**
 * Where one reader reads to: fresh buffers, or, where they are used again, one or two in turn, which go on to the next
 * reader. Left to the garbage collector, they are most of the memory of a push of many layers.
 */
export class ReadBuffers implements Disposable {
  readonly #size: number;
  readonly #options: ReadBuffersOptions;
  readonly #own: Buffer[] = [];
  #reads = 0;

  constructor(size: number, options: ReadBuffersOptions) {
    this.#size = size;
    this.#options = options;
  }

  /** Room for the next `length` bytes, at most the size of a buffer. */
  next(length: number): Buffer {
    const { isReused, count } = this.#options;
    if (!isReused) return Buffer.allocUnsafeSlow(length);
    const turn = this.#reads++ % count;
    this.#own[turn] ??= spare.get(this.#size)?.pop() ?? Buffer.allocUnsafeSlow(this.#size);
    return this.#own[turn].subarray(0, length);
  }

  /** To be called when nothing is read any more. */
  [Symbol.dispose](): void {
    const others = spare.get(this.#size) ?? [];
    spare.set(this.#size, others);
    for (const buffer of this.#own.splice(0)) {
      if (others.length * this.#size < mostSpareBytes) others.push(buffer);
    }
  }
}
