import type { Logger } from 'pino';

/** Things that could not be done and are tried again until they are, the oldest first. */
export interface Backlog<T> extends Disposable {
  add(thing: T): void;
}

const againMs = 1_000;

/** @param work rejects when it has to be tried again */
export function createBacklog<T>(work: (thing: T) => Promise<void>, log: Logger): Backlog<T> {
  const waiting = new Set<T>();
  let timer: NodeJS.Timeout | undefined;
  let isOpen = true;
  const again = (): void => {
    if (!isOpen || timer !== undefined) return;
    timer = setTimeout(() => void tryAll(), againMs);
    timer.unref();
  };
  const tryAll = async (): Promise<void> => {
    for (const thing of waiting) {
      try {
        await work(thing);
        waiting.delete(thing);
      } catch (err) {
        log.debug({ err }, 'not yet');
        break;
      }
    }
    timer = undefined;
    if (waiting.size > 0) again();
  };
  return {
    add(thing) {
      waiting.add(thing);
      again();
    },
    [Symbol.dispose]() {
      isOpen = false;
      clearTimeout(timer);
    },
  };
}
