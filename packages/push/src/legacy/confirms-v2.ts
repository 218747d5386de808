import type { PushEvent } from '../events.ts';

/**
 * Whether an event shows that the registry speaks the protocol of today, whatever its ping said: it mounted a blob,
 * took bytes of one, or committed one. Nothing that fails later then leads to v1.
 *
 * @see https://github.com/moby/moby/blob/v18.09.0/distribution/push_v2.go#L340-L344
 */
export function confirmsV2(event: PushEvent): boolean {
  switch (event.type) {
    case 'blob:mounted':
    case 'blob:pushed':
      return true;
    case 'blob:progress':
      return event.sent > 0;
    default:
      return false;
  }
}
