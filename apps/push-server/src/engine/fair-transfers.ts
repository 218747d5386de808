import { AsyncLocalStorage } from 'node:async_hooks';
import type { RequestRecord } from '@slipway/registry-client';
import {
  type AdaptiveLimits,
  createAdaptiveLimits,
  createTransferManager,
  type TransferManager,
} from '@slipway/transfer';

/** Who has how many transfers at a registry. */
export interface TransferHolder {
  readonly registry: string;
  readonly principal: string;
  /** Those that have a slot. */
  readonly active: number;
  readonly waiting: number;
}

/** Transfers of all pushes: each registry has slots of its own, which its principals share. */
export interface FairTransfers extends TransferManager {
  /** What `work` transfers counts as this principal's. */
  as<T>(principal: string, work: () => Promise<T>): Promise<T>;
  /** Learns how many transfers a registry bears at once. */
  observe(registry: string, record: Pick<RequestRecord, 'method' | 'status' | 'sentBytes' | 'durationMs'>): void;
  holders(): readonly TransferHolder[];
  /** Slots of a registry, as things are. */
  limitOf(registry: string): number;
}

interface Lane {
  readonly manager: TransferManager;
  readonly limits: AdaptiveLimits;
  readonly principals: Map<string, { active: number; outstanding: number }>;
}

/**
 * Makes the transfers of a daemon. Slots are for each registry, so that one which does not answer stops nobody else's
 * pushes; within a registry, principals that want more than there is get equal shares. A registry that asks for less,
 * or grows slow, gets fewer transfers for a while.
 *
 * @param concurrency slots of each registry, 0 for no limit
 */
export function createFairTransfers({ concurrency }: { readonly concurrency: number }): FairTransfers {
  const lanes = new Map<string, Lane>();
  const current = new AsyncLocalStorage<string>();
  let slots = concurrency;
  let isClosed = false;

  const laneOf = (registry: string): Lane => {
    const known = lanes.get(registry);
    if (known !== undefined) return known;
    const manager = createTransferManager({ concurrency: slots });
    const limitHost = (_host: string, limit: number | undefined): void => {
      manager.concurrency = limit ?? slots;
      share(lane);
    };
    const limits = createAdaptiveLimits({ transfers: { limitHost }, most: slots });
    const lane: Lane = { manager, limits, principals: new Map() };
    lanes.set(registry, lane);
    return lane;
  };

  /** As long as a principal is alone, it may have all slots. */
  const share = ({ manager, principals }: Lane): void => {
    const isShared = principals.size > 1 && manager.concurrency > 0;
    const limit = isShared ? Math.ceil(manager.concurrency / principals.size) : undefined;
    for (const principal of principals.keys()) manager.limitHost(principal, limit);
  };

  const enter = (lane: Lane, principal: string): { active: number; outstanding: number } => {
    const known = lane.principals.get(principal);
    if (known !== undefined) return known;
    const fresh = { active: 0, outstanding: 0 };
    lane.principals.set(principal, fresh);
    share(lane);
    return fresh;
  };

  return {
    as: (principal, work) => current.run(principal, work),
    transfer(request, options) {
      const registry = request.host ?? '';
      const principal = current.getStore() ?? '';
      const lane = laneOf(registry);
      const counts = enter(lane, principal);
      counts.outstanding += 1;
      const watch = lane.manager.transfer(
        {
          ...request,
          host: principal,
          async run(context) {
            counts.active += 1;
            try {
              return await request.run(context);
            } finally {
              counts.active -= 1;
            }
          },
        },
        options,
      );
      void watch.done.then(() => {
        counts.outstanding -= 1;
        if (counts.outstanding > 0) return;
        lane.principals.delete(principal);
        lane.manager.limitHost(principal, undefined);
        share(lane);
        // What was learnt of a registry that bears everything is not worth keeping.
        if (lane.principals.size === 0 && lane.manager.concurrency === slots && !isClosed) lanes.delete(registry);
      });
      return watch;
    },
    observe(registry, { method, status, sentBytes, durationMs }) {
      const lane = lanes.get(registry);
      if (lane === undefined) return;
      if (status === 429 || status === 503) lane.limits.overloaded(registry);
      else if (status !== undefined && sentBytes === 0 && (method === 'HEAD' || method === 'POST')) {
        lane.limits.answered(registry, durationMs);
      }
    },
    holders: () =>
      [...lanes].flatMap(([registry, { principals }]) =>
        [...principals].map(([principal, { active, outstanding }]) => ({
          registry,
          principal,
          active,
          waiting: outstanding - active,
        })),
      ),
    limitOf: (registry) => lanes.get(registry)?.manager.concurrency ?? slots,
    get concurrency() {
      return slots;
    },
    set concurrency(value) {
      slots = value;
      for (const lane of lanes.values()) {
        lane.manager.concurrency = value;
        share(lane);
      }
    },
    limitHost(registry, limit) {
      const lane = laneOf(registry);
      lane.manager.concurrency = limit ?? slots;
      share(lane);
    },
    async [Symbol.asyncDispose]() {
      isClosed = true;
      await Promise.all([...lanes.values()].map(({ manager }) => manager[Symbol.asyncDispose]()));
    },
  };
}
