import type { RetryOptions, Transfers } from '@slipway/transfer';
import type { PushLearn, SharedTurns } from '../push.ts';
import type { Uploader } from '../upload/uploader.ts';
import type { Turns } from './blobs/turns.ts';
import type { Scope } from './scope.ts';

/** How what may succeed later is tried again. */
export type DeliveryRetry = Omit<RetryOptions, 'signal' | 'onRetry' | 'isTransient' | 'host'>;

/** What the delivery to one destination works with. */
export interface Delivery {
  /** All work of this destination; everything that waits listens to its signal. */
  readonly scope: Scope;
  readonly transfers: Transfers;
  /** Sends blobs in the shapes that the registry takes. */
  readonly uploader: Uploader;
  /** Shared by all pushes of a pusher. */
  readonly turns: Turns;
  /** Shared with other processes. */
  readonly sharedTurns?: SharedTurns | undefined;
  readonly retry: DeliveryRetry;
  readonly learn: PushLearn;
}
