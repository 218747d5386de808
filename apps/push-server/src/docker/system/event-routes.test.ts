import { EventEmitter } from 'node:events';
import type { FastifyInstance } from 'fastify';
import { expect, test, vi } from 'vitest';
import { createActivity } from '../../engine/activity.ts';
import { createEventLog } from '../../engine/event-log.ts';
import { openEventStream } from '../../jobs/routes/server-sent-events.ts';
import { registerEventRoutes } from './event-routes.ts';

/** The response to a client that went away before its request was handled: it has been closed, and says so no more. */
function goneResponse(): never {
  const response = { destroyed: true, writeHead: vi.fn(), flushHeaders: vi.fn(), write: vi.fn(), end: vi.fn() };
  return Object.assign(new EventEmitter(), response) as never;
}

test('a reader of /events that left before it was reached is not listened for', () => {
  const events = createEventLog();
  let handle = (_request: unknown, _reply: unknown): void => {};
  const app = {
    get(_url: string, _options: unknown, handler: typeof handle): void {
      handle = handler;
    },
  };
  registerEventRoutes(app as unknown as FastifyInstance, { events, activity: createActivity({}) });
  handle({ query: {}, principal: { name: 'local', scopes: [] } }, { hijack() {}, raw: goneResponse() });
  expect(events.subscribers).toBe(0);
});

test('a reader of server-sent events that left before it was reached counts as gone', () => {
  using stream = openEventStream(goneResponse(), () => () => {});
  expect(stream.signal.aborted).toBe(true);
});
