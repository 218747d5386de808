import { encodeGoJSON } from '@slipway/manifest';
import { matchReference, parseReference } from '@slipway/reference';
import type { FastifyRequest } from 'fastify';
import type { EngineContext } from '../../engine/engine-context.ts';
import type { EngineEvent } from '../../engine/event-log.ts';
import { queryText } from '../../http/query.ts';
import type { RegisterRoutes } from '../../http/routes.ts';
import { sightOf } from '../../security/sight.ts';
import { type Filters, matchesLabels, parseFilters } from '../images/filters.ts';
import { parseTimestamp } from '../stream/timestamp.ts';

const filterNames = [
  'type',
  'event',
  'image',
  'label',
  'scope',
  'container',
  'daemon',
  'network',
  'volume',
  'plugin',
  'service',
  'node',
  'secret',
  'config',
]; // prettier-ignore

/** Bytes that a reader may leave unread before it is let go. */
const maxUnread = 1024 * 1024;

/** `GET /events`: what has happened since, then what happens, until the reader leaves or the time is up. */
export const registerEventRoutes: RegisterRoutes<Pick<EngineContext, 'events' | 'activity'>> = (
  app,
  { events, activity },
) => {
  app.get('/events', { config: { access: 'read' } }, (request, reply) => {
    const now = Date.now();
    const since = timeQuery(request, 'since', now);
    const until = timeQuery(request, 'until', now);
    const fits = eventFilter(parseFilters(request, filterNames));
    const sight = sightOf(request.principal);
    reply.hijack();
    const response = reply.raw;
    response.writeHead(200, { 'content-type': 'application/json' });
    response.flushHeaders();
    const tell = (event: EngineEvent): void => {
      if (!sight.seesAll && !event.repositories.some(sight.repository)) return;
      if (!fits(event) || (until !== undefined && event.timeNano > until)) return;
      response.write(encodeEvent(event));
      if (response.writableLength > maxUnread) response.destroy();
    };
    if (since !== undefined) for (const event of events.past) if (event.timeNano >= since) tell(event);
    const leftMs = until === undefined ? undefined : Number(until / 1_000_000n) - now;
    if (leftMs !== undefined && leftMs <= 0) {
      response.end();
      return;
    }
    if (response.destroyed) return; // it left before this route was reached, and will not close once more
    const unsubscribe = events.subscribe(tell);
    const timer = leftMs === undefined ? undefined : setTimeout(() => response.end(), Math.min(leftMs, 2 ** 31 - 1));
    const forget = activity.onClosing(() => response.end());
    response.once('close', () => {
      unsubscribe();
      forget();
      clearTimeout(timer);
    });
  });
};

function timeQuery(request: FastifyRequest, name: string, now: number): bigint | undefined {
  const text = queryText(request, name);
  return text === undefined ? undefined : parseTimestamp(text, now);
}

/** @see https://github.com/moby/moby/blob/v28.5.2/daemon/events/filter.go */
function eventFilter(filters: Filters): (event: EngineEvent) => boolean {
  const wants = (name: string, value: string): boolean => filters.get(name)?.includes(value) ?? true;
  const others = filterNames.slice(5).filter((name) => (filters.get(name)?.length ?? 0) > 0);
  if (others.length > 0) return () => false; // about containers and their like, of which there are none
  const images = filters.get('image') ?? [];
  const labels = filters.get('label') ?? [];
  return ({ action, actor, attributes }) =>
    wants('type', 'image') &&
    wants('scope', 'local') &&
    wants('event', action) &&
    matchesLabels(labels, attributes) &&
    (images.length === 0 || images.some((image) => isAbout(image, [actor, attributes['name'] ?? ''])));
}

function isAbout(image: string, names: readonly string[]): boolean {
  return names.some((name) => {
    if (name === image) return true;
    try {
      return matchReference(image, parseReference(name));
    } catch {
      return false; // an ID is no reference
    }
  });
}

function encodeEvent({ action, actor, attributes, timeNano }: EngineEvent): string {
  const document = {
    status: action,
    id: actor,
    Type: 'image',
    Action: action,
    Actor: { ID: actor, Attributes: attributes },
    scope: 'local',
    time: timeNano / 1_000_000_000n,
    timeNano,
  };
  return `${encodeGoJSON(document)}\n`;
}
