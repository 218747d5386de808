import { setImmediate as turn } from 'node:timers/promises';
import type { Dispatcher } from 'undici/index.js';
import { afterEach, expect, test, vi } from 'vitest';
import { exchange } from './exchange.ts';

afterEach(() => vi.restoreAllMocks());

/** Unlike any other wait in this process. */
const answerTimeoutMs = 987_654_321;

test.each(Array.from({ length: 12 }, (_, ticks) => ticks))(
  'a body that ends %d ticks before its request fails leaves no timer behind',
  async (ticks) => {
    const waits: NodeJS.Timeout[] = [];
    const start = globalThis.setTimeout;
    vi.spyOn(globalThis, 'setTimeout').mockImplementation(((callback: () => void, delayMs?: number) => {
      const timer = start(callback, delayMs);
      if (delayMs === answerTimeoutMs) waits.push(timer);
      return timer;
    }) as typeof setTimeout);
    const stopped = vi.spyOn(globalThis, 'clearTimeout');

    // A connection that breaks while the body is being asked for its end.
    const request = async ({ body }: { readonly body: AsyncIterable<Uint8Array> }): Promise<never> => {
      const pieces = body[Symbol.asyncIterator]();
      await pieces.next();
      pieces.next().catch(() => {});
      for (let tick = 0; tick < ticks; tick += 1) await undefined;
      throw new Error('the connection broke');
    };
    const sending = exchange(
      {
        dispatcher: { request } as unknown as Dispatcher,
        registry: new URL('http://127.0.0.1:1/'),
        onRequest: () => {},
      },
      {
        method: 'PUT',
        url: new URL('http://127.0.0.1:1/v2/a/blobs/uploads/1'),
        headers: {},
        body: { size: 3, isRepeatable: false, open: onePiece },
        answerTimeoutMs,
        idleTimeoutMs: 1000,
      },
    );
    await expect(sending).rejects.toThrow('the connection broke');
    await turn();
    const cleared = new Set(stopped.mock.calls.map(([timer]) => timer));
    expect(waits.filter((timer) => !cleared.has(timer))).toEqual([]);
  },
);

async function* onePiece(): AsyncGenerator<Uint8Array, void, void> {
  yield Uint8Array.of(1, 2, 3);
}
