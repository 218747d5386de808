/** Bytes in memory for uploads that keep pace with the compressing of their layers: of all layers together. */
const allBytes = 3 * 1024 * 1024;

/**
 * How much memory all layers that are being made have for what was made last. A layer may have as much as it leaves to
 * the others: one whose upload is slow takes no more than half.
 */
export class RecentMemory {
  #free: number;

  constructor(bytes: number = allBytes) {
    this.#free = bytes;
  }

  /** Takes so many bytes for a layer that has `held` already. Says whether they are to be had. */
  take(bytes: number, held: number): boolean {
    if (held + bytes > this.#free) return false;
    this.#free -= bytes;
    return true;
  }

  giveBack(bytes: number): void {
    this.#free += bytes;
  }
}
