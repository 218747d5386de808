import { aNumber, assertMembers } from '@slipway/arguments';
import type { PushEvent } from './events.ts';

/**
 * How far a blob is, 0 to 1, for a bar: of its bytes once their number is known, of its source while compression still
 * runs. It goes back when an upload starts again, and where the compressed bytes become known before they are sent.
 */
export function progressShare(event: Extract<PushEvent, { readonly type: 'blob:progress' }>): number {
  assertMembers('event', event, {
    required: { sent: aNumber, read: aNumber },
    optional: { size: aNumber, readTotal: aNumber },
  });
  const { current, total } = progressCount(event);
  return total > 0 ? Math.min(1, current / total) : 1;
}

/** What {@link progressShare} is the share of: bytes done, of so many. */
export function progressCount({
  sent,
  size,
  read,
  readTotal,
}: Extract<PushEvent, { readonly type: 'blob:progress' }>): {
  readonly current: number;
  readonly total: number;
} {
  return size === undefined ? { current: read, total: readTotal } : { current: sent, total: size };
}
