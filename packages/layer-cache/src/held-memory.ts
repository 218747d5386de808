const blockSize = 256 * 1024;

/**
 * The memory that layers share while they are made, in blocks that are used again and again. What finds none left is
 * written to its file at once.
 */
export class HeldMemory {
  readonly #spare: Uint8Array[] = [];
  /** Blocks that may still be made. */
  #unmade: number;

  constructor(bytes: number) {
    this.#unmade = Math.floor(bytes / blockSize);
  }

  /** Begins to hold bytes, `most` of them at most. */
  hold(most: number): HeldBytes {
    return new HeldBytes(most, {
      take: () => {
        const block = this.#spare.pop();
        if (block !== undefined || this.#unmade === 0) return block;
        this.#unmade -= 1;
        // Not filled with zeros: a small layer touches only what it needs of it.
        return new Uint8Array(Buffer.allocUnsafeSlow(blockSize).buffer);
      },
      giveBack: (blocks) => void this.#spare.push(...blocks),
    });
  }
}

interface Blocks {
  readonly take: () => Uint8Array | undefined;
  readonly giveBack: (blocks: readonly Uint8Array[]) => void;
}

/** Bytes in blocks of the shared memory. */
export class HeldBytes {
  readonly #most: number;
  readonly #memory: Blocks;
  readonly #blocks: Uint8Array[] = [];
  #size = 0;

  constructor(most: number, memory: Blocks) {
    this.#most = most;
    this.#memory = memory;
  }

  get size(): number {
    return this.#size;
  }

  /** Adds a copy of `chunk`. Says whether there was room for all of it, and adds nothing where there was not. */
  append(chunk: Uint8Array): boolean {
    const end = this.#size + chunk.byteLength;
    if (end > this.#most) return false;
    while (this.#blocks.length * blockSize < end) {
      const block = this.#memory.take();
      if (block === undefined) return false;
      this.#blocks.push(block);
    }
    for (let done = 0; done < chunk.byteLength; ) {
      const at = this.#size % blockSize;
      const part = chunk.subarray(done, done + blockSize - at);
      this.#blocks[Math.floor(this.#size / blockSize)]?.set(part, at);
      done += part.byteLength;
      this.#size += part.byteLength;
    }
    return true;
  }

  /** Bytes from `position` on, as many as lie in one piece. Not to be used after {@link release}. */
  view(position: number): Uint8Array {
    const index = Math.floor(position / blockSize);
    const end = Math.min(blockSize, this.#size - index * blockSize);
    return this.#blocks[index]?.subarray(position % blockSize, end) ?? new Uint8Array(0);
  }

  /** All bytes, in their pieces. */
  *views(): Generator<Uint8Array, void, void> {
    for (let position = 0; position < this.#size; position += blockSize) yield this.view(position);
  }

  /** Gives the memory back. */
  release(): void {
    this.#memory.giveBack(this.#blocks.splice(0));
    this.#size = 0;
  }
}
