/** The time as transfers see it; tests hand in one that they turn by hand. */
export interface Clock {
  /** Milliseconds since some fixed moment; never goes back. */
  now(): number;
  /** Waits. Rejects with `signal.reason` on abort and leaves no listener behind. */
  sleep(delayMs: number, options?: { readonly signal?: AbortSignal | undefined }): Promise<void>;
}

/** A timer of Node that is set for longer rings at once: it waits so long, and no less. */
const longestTimerMs = 2 ** 31 - 1;

/** The machine's clock. */
export const systemClock: Clock = Object.freeze({
  now: () => performance.now(),
  sleep: (delayMs: number, { signal }: { readonly signal?: AbortSignal | undefined } = {}) =>
    new Promise<void>((resolve, reject) => {
      if (signal?.aborted) {
        reject(signal.reason);
        return;
      }
      const onAbort = (): void => {
        clearTimeout(timer);
        reject(signal?.reason);
      };
      const timer = setTimeout(
        () => {
          signal?.removeEventListener('abort', onAbort);
          resolve();
        },
        Math.min(delayMs, longestTimerMs),
      );
      signal?.addEventListener('abort', onAbort, { once: true });
    }),
});
