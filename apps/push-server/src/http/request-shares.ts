import type { ServerResponse } from 'node:http';
import { principalShare } from '../engine/activity.ts';
import { RequestError } from '../errors.ts';
import type { ListenerGuard } from '../listeners/listener-guard.ts';
import { endConnection } from './let-go.ts';

/** Who keeps how many of a listener's connections busy. */
export interface RequestShares {
  /**
   * Counts a request until it has its answer.
   *
   * @throws {RequestError} 503 when its principal has its share of the listener already, or all together have theirs
   */
  take(principal: string, guard: ListenerGuard, response: ServerResponse): void;
}

/** One of so many connections is for whoever asks whether the daemon is well, and for who is told that it is busy. */
const onePartFree = 16;

/** Streams of events stay for days: those of one client leave connections for the others, and all of them a few. */
export function createRequestShares({ maxConnections }: { readonly maxConnections: number }): RequestShares {
  const most = Math.max(1, maxConnections - Math.ceil(maxConnections / onePartFree));
  const share = Math.ceil(most * principalShare);
  const listeners = new WeakMap<ListenerGuard, Map<string, number>>();
  return {
    take(principal, guard, response) {
      const counts = listeners.get(guard) ?? new Map<string, number>();
      listeners.set(guard, counts);
      const own = counts.get(principal) ?? 0;
      const all = [...counts.values()].reduce((sum, count) => sum + count, 0);
      if (own >= share || all >= most) {
        endConnection(response); // it is for somebody else
        const whose = own >= share ? ` of one client: ${own} of ${most}` : `: ${all} of ${most}`;
        throw new RequestError(503, `too many requests at once${whose}`);
      }
      if (response.destroyed) return; // it left before, and will not close once more
      counts.set(principal, own + 1);
      response.once('close', () => {
        const left = (counts.get(principal) ?? 1) - 1;
        if (left === 0) counts.delete(principal);
        else counts.set(principal, left);
      });
    },
  };
}
