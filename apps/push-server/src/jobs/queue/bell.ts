/** Wakes whoever waits. A ring while nobody waits is heard by the next one. */
export interface Bell {
  ring(): void;
  /** Waits for a ring, for the signal, or for so many milliseconds. */
  heard(signal: AbortSignal, timeoutMs: number): Promise<void>;
}

export function createBell(): Bell {
  let hasRung = false;
  let wake = (): void => {};
  return {
    ring() {
      hasRung = true;
      wake();
    },
    async heard(signal, timeoutMs) {
      let timer: NodeJS.Timeout | undefined;
      await new Promise<void>((resolve) => {
        wake = resolve;
        if (hasRung || signal.aborted) return resolve();
        signal.addEventListener('abort', wake, { once: true });
        timer = setTimeout(resolve, timeoutMs);
      });
      signal.removeEventListener('abort', wake);
      clearTimeout(timer);
      hasRung = false;
      wake = () => {};
    },
  };
}
