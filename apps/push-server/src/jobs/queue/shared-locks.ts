import type { AbortOptions } from '@slipway/digest';
import type { Transfers } from '@slipway/transfer';

/** Locks that several daemons respect. */
export interface SharedLocks {
  /** Runs `work` while no other daemon holds the lock of that name. Rejects with the signal's reason while it waits. */
  hold<T>(name: string, work: () => Promise<T>, options: AbortOptions): Promise<T>;
}

/**
 * Transfers of which equal ones run one after the other wherever they run: the second finds what the first has brought,
 * as each looks before it sends.
 */
export function lockedTransfers(transfers: Transfers, locks: SharedLocks | undefined): Transfers {
  if (locks === undefined) return transfers;
  return {
    transfer: (request, options) =>
      transfers.transfer(
        {
          ...request,
          run: (context) => locks.hold(request.key, () => request.run(context), { signal: context.signal }),
        },
        options,
      ),
  };
}
