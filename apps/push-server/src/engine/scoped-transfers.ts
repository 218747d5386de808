import type { Transfers } from '@slipway/transfer';

/**
 * Equal work of another identity is other work: nobody's credentials serve somebody else, and nobody inherits a
 * refusal.
 */
export function scopedTransfers(transfers: Transfers, scope: string): Transfers {
  return {
    transfer: (request, options) => transfers.transfer({ ...request, key: `${scope} ${request.key}` }, options),
  };
}
