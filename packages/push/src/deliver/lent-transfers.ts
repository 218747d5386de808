import type { TransferManager } from '@slipway/transfer';

/** Transfers of one push, which others may have joined. */
export interface LentTransfers extends TransferManager {
  /** Settles once nobody needs what these transfers read: each has ended, or was cancelled because its last watcher left. */
  settled(): Promise<void>;
}

/** Watches the transfers that one push asks for, so that its content can be kept for as long as somebody waits for them. */
export function lendTransfers(transfers: TransferManager): LentTransfers {
  const lent = new Set<Promise<void>>();
  return {
    transfer(request, options) {
      let onCancelled = (): void => {};
      const cancelled = new Promise<void>((resolve) => {
        onCancelled = resolve;
      });
      const watch = transfers.transfer(
        {
          ...request,
          async run(context) {
            context.signal.addEventListener('abort', onCancelled, { once: true });
            try {
              return await request.run(context);
            } finally {
              context.signal.removeEventListener('abort', onCancelled);
            }
          },
        },
        options,
      );
      const over = Promise.race([watch.done, cancelled]);
      lent.add(over);
      void over.then(() => lent.delete(over));
      return watch;
    },
    get concurrency() {
      return transfers.concurrency;
    },
    set concurrency(slots) {
      transfers.concurrency = slots;
    },
    limitHost: (host, limit) => transfers.limitHost(host, limit),
    async settled() {
      await Promise.all(lent);
    },
    [Symbol.asyncDispose]: () => transfers[Symbol.asyncDispose](),
  };
}
