import type { BlobTurn, SharedTurns } from '@slipway/push';
import { abortable } from '@slipway/transfer';
import type { SharedLocks, TakeOptions } from '../jobs/queue/shared-locks.ts';

/** One lock, for all that this daemon does with one blob in one repository. */
interface Hold {
  readonly taken: Promise<AsyncDisposable>;
  /** Ends the waiting when nobody is left. */
  readonly left: AbortController;
  readonly waiting: Set<() => void>;
  isWaiting: boolean;
  count: number;
}

/**
 * Lets equal blobs for the repositories of one registry go one after another, whichever daemon sends them: each looks
 * before it sends, and mounts what another has brought. Pushes of one scope to one repository share a turn, as they
 * share the transfer.
 *
 * @returns the turns of a scope: of what is done with the same credentials
 */
export function createBlobTurns(locks: SharedLocks): (scope: string) => SharedTurns {
  const holds = new Map<string, Hold>();

  const begin = (lock: string): Hold => {
    const state = { left: new AbortController(), waiting: new Set<() => void>(), isWaiting: false, count: 0 };
    const onWaiting = (): void => {
      state.isWaiting = true;
      for (const tell of state.waiting) tell();
    };
    const settled = (): void => {
      state.isWaiting = false;
    };
    const taken = locks.take(lock, { signal: state.left.signal, onWaiting });
    taken.then(settled, settled);
    return Object.assign(state, { taken });
  };

  const take = async (key: string, lock: string, { signal, onWaiting }: TakeOptions): Promise<AsyncDisposable> => {
    const hold = holds.get(key) ?? begin(lock);
    holds.set(key, hold);
    hold.count += 1;
    const leave = async (): Promise<void> => {
      hold.count -= 1;
      if (hold.count > 0) return;
      holds.delete(key);
      hold.left.abort();
      const taken = await hold.taken.catch(() => undefined);
      await taken?.[Symbol.asyncDispose]();
    };
    if (onWaiting !== undefined) {
      if (hold.isWaiting) onWaiting();
      else hold.waiting.add(onWaiting);
    }
    try {
      await abortable(hold.taken, signal);
    } catch (error) {
      await leave();
      throw error;
    } finally {
      if (onWaiting !== undefined) hold.waiting.delete(onWaiting);
    }
    return { [Symbol.asyncDispose]: leave };
  };

  return (scope) => ({
    take({ registry, repository, blob }: BlobTurn, options) {
      const lock = `${registry} ${blob}`;
      return take(`${scope} ${repository} ${lock}`, lock, options);
    },
  });
}
