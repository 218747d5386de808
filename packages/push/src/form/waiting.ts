/** Waits for `work`, but no longer than `signal` allows; the work itself goes on for whoever else waits. */
export async function abortable<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return work;
  signal.throwIfAborted();
  let leave: () => void = () => {};
  const aborted = new Promise<never>((_, reject) => {
    leave = () => reject(signal.reason);
    signal.addEventListener('abort', leave, { once: true });
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener('abort', leave);
  }
}

/** A number of bytes that only grows, and can be waited for. */
export class Growth {
  #total: number;
  readonly #waiting = new Set<{ readonly atLeast: number; readonly resolve: () => void }>();

  constructor(total: number) {
    this.#total = total;
  }

  get total(): number {
    return this.#total;
  }

  grow(bytes: number): void {
    this.#total += bytes;
    for (const waiter of this.#waiting) {
      if (waiter.atLeast > this.#total) continue;
      this.#waiting.delete(waiter);
      waiter.resolve();
    }
  }

  /** Resolves once the total is `atLeast`; never, when it stays below. */
  reached(atLeast: number): Promise<void> {
    if (atLeast <= this.#total) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.add({ atLeast, resolve }));
  }
}
