import type { AbortOptions } from '@slipway/digest';

/** A number of bytes that only grows, until it ends, and can be waited for. */
export class Growth {
  #total = 0;
  #hasEnded = false;
  #failure: { readonly error: unknown } | undefined;
  readonly #waiting = new Set<Waiter>();

  get total(): number {
    return this.#total;
  }

  /** Whether no more will come. */
  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  grow(bytes: number): void {
    this.#total += bytes;
    for (const waiter of this.#waiting) {
      if (waiter.atLeast <= this.#total) waiter.resolve();
    }
  }

  /** No more will come. */
  end(): void {
    this.#hasEnded = true;
    for (const { resolve } of this.#waiting) resolve();
  }

  /** No more will come, and what is there is not all. */
  fail(error: unknown): void {
    this.#failure = { error };
    for (const { reject } of this.#waiting) reject(error);
  }

  /** Resolves once the total is `atLeast`, or has ended. @throws what it failed with, when it stays below. */
  async reached(atLeast: number, { signal }: AbortOptions = {}): Promise<void> {
    signal?.throwIfAborted();
    if (atLeast <= this.#total || this.#hasEnded) return;
    if (this.#failure !== undefined) throw this.#failure.error;
    let leave: (() => void) | undefined;
    let waiter: Waiter | undefined;
    try {
      await new Promise<void>((resolve, reject) => {
        waiter = { atLeast, resolve, reject };
        this.#waiting.add(waiter);
        leave = () => reject(signal?.reason);
        signal?.addEventListener('abort', leave, { once: true });
      });
    } finally {
      if (waiter !== undefined) this.#waiting.delete(waiter);
      if (leave !== undefined) signal?.removeEventListener('abort', leave);
    }
  }
}

interface Waiter {
  readonly atLeast: number;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}
