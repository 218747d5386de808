import type { Logger } from 'pino';

/** Things that could not be done and are tried again until they are, the oldest first. */
export interface Backlog extends Disposable {
  add(id: string): void;
}

const againMs = 1_000;

/** @param work rejects when it has to be tried again */
export function createBacklog(work: (id: string) => Promise<void>, log: Logger): Backlog {
  const waiting = new Set<string>();
  let timer: NodeJS.Timeout | undefined;
  let isOpen = true;
  const again = (): void => {
    if (!isOpen || timer !== undefined) return;
    timer = setTimeout(() => void tryAll(), againMs);
    timer.unref();
  };
  const tryAll = async (): Promise<void> => {
    for (const id of waiting) {
      try {
        await work(id);
        waiting.delete(id);
      } catch (err) {
        log.debug({ err, job: id }, 'not yet');
        break;
      }
    }
    timer = undefined;
    if (waiting.size > 0) again();
  };
  return {
    add(id) {
      waiting.add(id);
      again();
    },
    [Symbol.dispose]() {
      isOpen = false;
      clearTimeout(timer);
    },
  };
}
