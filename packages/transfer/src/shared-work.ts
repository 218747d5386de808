import { aFunction, assertArgument, assertSignal } from '@slipway/arguments';
import { abortable } from './abortable.ts';

/** Work that several wait for. It is aborted when the last of them has left. */
export interface SharedWork<T> {
  /** It was aborted before it ended: whoever comes now has to begin it anew. */
  readonly isAborted: boolean;
  /** Waits for its end. @throws the reason of `signal`, that of {@link abort}, and what the work throws */
  join(signal?: AbortSignal): Promise<T>;
  /** Ends it for all who wait. What has ended stays as it is. */
  abort(reason: unknown): void;
}

/** Begins work that several may join. */
export function createSharedWork<T>(run: (signal: AbortSignal) => Promise<T>): SharedWork<T> {
  assertArgument('run', run, aFunction);
  const controller = new AbortController();
  let isRunning = true;
  let waiting = 0;
  const work = (async () => await run(controller.signal))();
  const aborted = new Promise<never>((_, reject) => {
    controller.signal.addEventListener('abort', () => reject(controller.signal.reason), { once: true });
  });
  const ended = Promise.race([work, aborted]);
  ended.catch(() => {}); // heard of by who waits
  const end = (): void => {
    isRunning = false;
  };
  work.then(end, end);
  const abort = (reason: unknown): void => {
    if (isRunning) controller.abort(reason);
  };
  return {
    get isAborted() {
      return controller.signal.aborted;
    },
    async join(signal) {
      assertSignal(signal);
      waiting += 1;
      try {
        return await abortable(ended, signal);
      } finally {
        waiting -= 1;
        if (waiting === 0) abort(signal?.reason);
      }
    },
    abort,
  };
}
