import { once } from 'node:events';
import type { ServerResponse } from 'node:http';

/** One stream of server-sent events. */
export interface EventStream extends Disposable {
  /** Aborts when the reader has left, or the daemon closes. */
  readonly signal: AbortSignal;
  /** The reader does not keep up: what may be left out is better left out. */
  readonly isBehind: boolean;
  send(event: { readonly name: string; readonly id?: number | undefined; readonly data: unknown }): void;
  /** Resolves once the reader has taken what was sent, or left. */
  drained(): Promise<void>;
  end(): void;
}

/** Proxies cut connections on which nothing happens. */
const beatMs = 15_000;

/** Begins the answer. @see https://html.spec.whatwg.org/multipage/server-sent-events.html */
export function openEventStream(
  response: ServerResponse,
  onClosing: (listener: () => void) => () => void,
): EventStream {
  const controller = new AbortController();
  const close = (): void => controller.abort(new Error('the reader has left'));
  if (response.destroyed) close(); // gone before anybody listened: there will be no 'close' any more
  response.once('close', close);
  const leave = onClosing(() => {
    close();
    response.end();
  });
  response.writeHead(200, {
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-store',
    'x-accel-buffering': 'no',
  });
  response.write(': slipwayd\n\n');
  const beat = setInterval(() => void (response.writableNeedDrain || response.write(': \n\n')), beatMs);
  return {
    signal: controller.signal,
    get isBehind() {
      return response.writableNeedDrain;
    },
    send({ name, id, data }) {
      if (controller.signal.aborted) return;
      response.write(`${id === undefined ? '' : `id: ${id}\n`}event: ${name}\ndata: ${JSON.stringify(data)}\n\n`);
    },
    async drained() {
      if (!response.writableNeedDrain || controller.signal.aborted) return;
      await once(response, 'drain', { signal: controller.signal }).catch(() => {});
    },
    end() {
      if (!response.writableEnded) response.end();
    },
    [Symbol.dispose]() {
      clearInterval(beat);
      leave();
      response.off('close', close);
      if (!response.writableEnded) response.end();
    },
  };
}
