import type { PushEvent } from '@slipway/push';
import type { PushRow } from '../../../page/push-fold.ts';
import type { Sight } from '../../../security/sight.ts';
import type { JobEvent } from '../../record/job.ts';

/** An event without the repository that a blob is mounted from, where whoever reads it does not see that one. */
export function seenEvent<Event extends JobEvent | PushEvent>(event: Event, sight: Sight): Event {
  if (event.type !== 'blob:mounted' && event.type !== 'blob:planned') return event;
  const { from, blob } = event;
  return isSeen(from, blob.destination, sight)
    ? event
    : { ...event, from: event.type === 'blob:mounted' ? '' : undefined };
}

/** The same for a row of the status page. */
export function seenRow(row: PushRow, sight: Sight): PushRow {
  const from = row.outcome === 'mounted' ? row.note?.replace(/^from /, '') : undefined;
  return isSeen(from, row.destination, sight) ? row : { ...row, note: undefined };
}

/** `from` is a path within the registry of the destination. */
function isSeen(from: string | undefined, destination: string, sight: Sight): boolean {
  return from === undefined || sight.repository(`${destination.split('/', 1)[0]}/${from}`);
}
