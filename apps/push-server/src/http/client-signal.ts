import type { ServerResponse } from 'node:http';

/** Aborts when the client goes away before it has its answer, or when `other` does. Leaving scope lets go of both. */
export interface ClientSignal extends Disposable {
  readonly signal: AbortSignal;
}

/** Watches the client of a response. */
export function watchClient(response: ServerResponse, other: AbortSignal): ClientSignal {
  const controller = new AbortController();
  const onClose = (): void => {
    if (!response.writableFinished) controller.abort(new Error('context canceled')); // docker's words
  };
  const onOther = (): void => controller.abort(other.reason);
  if (other.aborted) onOther();
  if (response.destroyed) onClose();
  response.once('close', onClose);
  other.addEventListener('abort', onOther, { once: true });
  return {
    signal: controller.signal,
    [Symbol.dispose]() {
      response.off('close', onClose);
      other.removeEventListener('abort', onOther);
    },
  };
}
