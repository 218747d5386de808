import type { Delivery } from '@slipway/client';
import type { PushAllOptions, PushResult } from '@slipway/push';
import type { Reference } from '@slipway/reference';
import type { Logger } from 'pino';
import type { Metrics } from '../operation/metrics.ts';
import type { PushBoard, PushSubject } from '../page/push-board.ts';
import type { FairTransfers } from './fair-transfers.ts';
import { type PushDefaults, type PushSettings, pushOptionsOf } from './push-settings.ts';
import type { Identity, RegistryClients } from './registry-clients.ts';

/** One image, and everywhere it goes. */
export interface ServiceDelivery extends Delivery {
  readonly to: readonly Reference[];
}

export interface ServicePushOptions
  extends Pick<PushAllOptions, 'signal' | 'onEvent' | 'onDelivered' | 'stopAtFailure'> {
  readonly identity: Identity;
  /** What was chosen for this push. @default as the daemon was started */
  readonly settings?: PushSettings | undefined;
  /** What the status page calls it. @default it is not shown */
  readonly subject?: PushSubject | undefined;
}

/**
 * Pushes in somebody's name, sharing work with all other pushes of the same name. Used by the Engine API and by jobs.
 */
export interface PushService {
  /** As `Client.pushAll`: a destination that fails is a result. Rejects with `signal.reason` on abort. */
  push(
    deliveries: readonly ServiceDelivery[],
    options: ServicePushOptions,
  ): Promise<readonly (readonly PushResult[])[]>;
}

export interface PushServiceOptions {
  readonly clients: RegistryClients;
  readonly transfers: Pick<FairTransfers, 'as'>;
  readonly metrics: Metrics;
  readonly log: Logger;
  readonly board: PushBoard;
  readonly defaults: PushDefaults;
}

/** Makes the one service through which everything is pushed. */
export function createPushService(options: PushServiceOptions): PushService {
  const { clients, transfers, metrics, log, board, defaults } = options;
  return {
    async push(deliveries, { identity, subject, settings = {}, onEvent, ...pushOptions }) {
      await using lease = await clients.lease(identity);
      const started = performance.now();
      const references = deliveries.flatMap(({ to }) => to);
      using shown = board.begin(subject, references);
      const push = () =>
        lease.client.pushAll(deliveries, {
          ...pushOptionsOf(settings, defaults),
          ...pushOptions,
          onEvent(event) {
            metrics.countEvent(event);
            shown.tell(event);
            if (event.type === 'warning') log.warn({ destination: event.destination }, event.message);
            onEvent?.(event);
          },
        });
      const results = await transfers.as(subject?.principal ?? '', push);
      shown.end(results.flat());
      for (const result of results.flat()) {
        metrics.countResult(result);
        const seconds = (performance.now() - started) / 1000;
        metrics.pushSeconds.observe({ outcome: result.ok ? 'pushed' : 'failed' }, seconds);
      }
      return results;
    },
  };
}
