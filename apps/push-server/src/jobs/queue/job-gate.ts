import type { AbortOptions } from '@slipway/digest';

/** The right to work on a job. Leaving scope gives it back. */
export interface JobPass extends Disposable {
  /** Nothing else is worked on. Ends by itself after a while: see {@link JobGateOptions.aloneMs}. */
  readonly isAlone: boolean;
}

/** Lets jobs run beside each other, and those that may have ended a daemon one at a time. */
export interface JobGate {
  /** Waits while a suspect runs alone. Rejects with the signal's reason. */
  enter(options: AbortOptions): Promise<JobPass>;
  /**
   * Waits until nothing else runs, then keeps others out for a while. Where others do not end in time it comes in
   * beside them.
   *
   * @param onShared called when others may come in again while this one runs
   */
  enterAlone(options: AbortOptions & { readonly onShared?: (() => void) | undefined }): Promise<JobPass>;
}

export interface JobGateOptions {
  /**
   * How long a suspect is alone, and how long it waits for that. What ends a daemon does so soon; a push to a registry
   * that does not answer must not keep all others waiting.
   *
   * @default 10000
   */
  readonly aloneMs?: number | undefined;
}

export function createJobGate({ aloneMs = 10_000 }: JobGateOptions = {}): JobGate {
  let running = 0;
  let isTaken = false; // by a suspect that is alone, or waits to be
  const waiting = new Set<() => void>();
  const changed = (): void => {
    for (const wake of [...waiting]) wake();
  };

  /** Resolves with whether `isFree` was true in time. */
  const until = async (isFree: () => boolean, { signal }: AbortOptions, timeoutMs?: number): Promise<boolean> => {
    signal?.throwIfAborted();
    if (isFree()) return true;
    return await new Promise<boolean>((resolve, reject) => {
      const end = (settle: () => void): void => {
        waiting.delete(wake);
        clearTimeout(timer);
        signal?.removeEventListener('abort', onAbort);
        settle();
      };
      const wake = (): void => {
        if (isFree()) end(() => resolve(true));
      };
      const onAbort = (): void => end(() => reject(signal?.reason as Error));
      const timer = timeoutMs === undefined ? undefined : setTimeout(() => end(() => resolve(false)), timeoutMs);
      signal?.addEventListener('abort', onAbort, { once: true });
      waiting.add(wake);
    });
  };

  const pass = (isAlone: boolean, onShared?: () => void): JobPass => {
    running += 1;
    let alone = isAlone;
    let isOpen = true;
    const share = (): void => {
      if (!alone) return;
      alone = false;
      isTaken = false;
      changed();
    };
    const timer = isAlone
      ? setTimeout(() => {
          share();
          onShared?.();
        }, aloneMs)
      : undefined;
    return {
      get isAlone() {
        return alone;
      },
      [Symbol.dispose]() {
        if (!isOpen) return;
        isOpen = false;
        clearTimeout(timer);
        running -= 1;
        share();
        changed();
      },
    };
  };

  return {
    async enter(options) {
      for (;;) {
        await until(() => !isTaken, options);
        if (!isTaken) return pass(false);
      }
    },
    async enterAlone({ onShared, ...options }) {
      for (;;) {
        await until(() => !isTaken, options);
        if (!isTaken) break;
      }
      isTaken = true;
      try {
        const isAlone = await until(() => running === 0, options, aloneMs);
        if (isAlone) return pass(true, onShared);
      } catch (error) {
        isTaken = false;
        changed();
        throw error;
      }
      isTaken = false;
      changed();
      return pass(false);
    },
  };
}
