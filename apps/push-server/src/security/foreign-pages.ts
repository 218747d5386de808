import type { IncomingMessage } from 'node:http';
import { RequestError } from '../errors.ts';

/** Headers that decide who asks whom: of two, one reader may believe the first, and another the second. */
const single: ReadonlySet<string> = new Set(['host', 'authorization', 'origin']);

/** @throws {RequestError} 400 for a request that says twice where it goes, or who sends it */
export function assertOneSender({ rawHeaders }: Pick<IncomingMessage, 'rawHeaders'>): void {
  const seen = new Set<string>();
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at]?.toLowerCase() ?? '';
    if (!single.has(name)) continue;
    if (seen.has(name)) throw new RequestError(400, `the request has more than one ${name} header`);
    seen.add(name);
  }
}

/**
 * Any page that a browser on this machine shows can send requests here; its own site's name, or its origin, gives it
 * away.
 *
 * @throws {RequestError} 403
 */
export function assertNoForeignPage(request: Pick<IncomingMessage, 'method' | 'headers'>): void {
  const host = request.headers.host ?? '';
  const name = host.replace(/:\d+$/, '');
  const isLocal = host === '' || name === 'localhost' || name === '[::1]' || /^127(?:\.\d{1,3}){3}$/.test(name);
  if (!isLocal) {
    throw new RequestError(403, 'forbidden: this listener answers to the names of this machine only');
  }
  assertOwnPage(request);
}

/**
 * Refuses what a page of another site has sent: by its origin, and by what browsers say of a request besides. A link
 * that somebody follows is let through: it shows a page of ours, and the other site reads nothing of it.
 *
 * @throws {RequestError} 403
 * @see https://www.w3.org/TR/fetch-metadata/#sec-fetch-site-header
 */
export function assertOwnPage({ method, headers }: Pick<IncomingMessage, 'method' | 'headers'>): void {
  const { host = '', origin, 'sec-fetch-site': site = 'none' } = headers;
  const isOwn = origin === undefined || origin === `http://${host}` || origin === `https://${host}`;
  const isSame = site === 'none' || site === 'same-origin' || isFollowedLink(method, headers);
  if (!isOwn || !isSame) throw new RequestError(403, 'forbidden: pages of other sites may not ask');
}

/** A frame or a form is none: it says so too. */
function isFollowedLink(method: string | undefined, headers: IncomingMessage['headers']): boolean {
  return method === 'GET' && headers['sec-fetch-mode'] === 'navigate' && headers['sec-fetch-dest'] === 'document';
}
