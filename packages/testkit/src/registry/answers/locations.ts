import type { Exchange } from '../exchange.ts';
import type { RegistryQuirks } from '../quirks.ts';
import type { Session } from '../storage/session.ts';
import { Refusal } from './refusal.ts';

/** The Location of a path, in the form that the registry uses. */
export function locate(exchange: Exchange, quirks: Pick<RegistryQuirks, 'location'>, path: string): string {
  if (quirks.location === 'relative') return path;
  const url = new URL(path, exchange.url);
  if (quirks.location === 'absolute-http') url.protocol = 'http:';
  return url.href;
}

/** A new Location for the session, unlike every one before. */
export function locateSession(exchange: Exchange, quirks: RegistryQuirks, session: Session): string {
  session.step += 1;
  const ballast = quirks.locationBallast > 0 ? 'x'.repeat(quirks.locationBallast) : '';
  // Characters that a client must carry over as they are: re-encoding them breaks the state.
  const state = Buffer.from(JSON.stringify([session.offset, session.step, ballast])).toString('base64');
  const path = `/v2/${session.repository}/blobs/uploads/${session.id}?_state=${encodeURIComponent(state)}`;
  return locate(exchange, quirks, path);
}

/** Refuses a request that was not sent to the session's newest Location, as far as the registry cares. */
export function assertState(exchange: Exchange, quirks: RegistryQuirks, session: Session): void {
  const { kind } = exchange.route;
  const cares = kind === 'upload-status' ? quirks.staleState === 'refused' : quirks.staleState !== 'accepted';
  // A client that gives up may hold an old Location: deleting is only refused where status is.
  if (!cares || (kind === 'upload-delete' && quirks.staleState !== 'refused')) return;
  const [offset] = parseState(exchange.parameter('_state'));
  if (offset === undefined) throw new Refusal('BLOB_UPLOAD_INVALID', { status: 400, message: 'no or bad _state' });
  if (offset !== session.offset) throw new Refusal('RANGE_INVALID', { message: 'stale _state' });
}

function parseState(text: string | undefined): readonly [offset?: number, step?: number] {
  try {
    return JSON.parse(Buffer.from(text ?? '', 'base64').toString()) as [number, number];
  } catch {
    return [];
  }
}
