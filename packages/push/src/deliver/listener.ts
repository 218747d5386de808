import type { PushEvent } from '../events.ts';

/**
 * Calls a listener and survives it: what it throws, or rejects with, is reported once as a process warning and changes
 * neither the push nor its result.
 */
export function surviving(listener: ((event: PushEvent) => unknown) | undefined): (event: PushEvent) => void {
  let isReported = false;
  const report = (error: unknown): void => {
    if (isReported) return;
    isReported = true;
    const why = error instanceof Error ? (error.stack ?? error.message) : String(error);
    process.emitWarning(`A listener of push events failed, and the push goes on: ${why}`, 'PushListenerWarning');
  };
  return (event) => {
    try {
      const returned = listener?.(event);
      if (returned instanceof Promise) returned.catch(report);
    } catch (error) {
      report(error);
    }
  };
}
