import type { ServerResponse } from 'node:http';

/** An event of a response: it was answered for its handler, whose work ends with this reason. */
export const givenUp: unique symbol = Symbol('given up');

/**
 * Aborts when the client goes away before it has its answer, when its handler was answered for, or when `other` does.
 * Leaving scope lets go of all.
 */
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
  const onGivenUp = (reason: Error): void => controller.abort(reason);
  response.once('close', onClose);
  response.once(givenUp, onGivenUp);
  other.addEventListener('abort', onOther, { once: true });
  return {
    signal: controller.signal,
    [Symbol.dispose]() {
      response.off('close', onClose);
      response.off(givenUp, onGivenUp);
      other.removeEventListener('abort', onOther);
    },
  };
}
