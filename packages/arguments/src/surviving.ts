import { withMethods } from './kinds.ts';

const aPromise = withMethods('a promise', 'then');

/**
 * A listener that a caller has handed in, whose failures are its own: what it throws, or rejects with, is told once, as
 * a warning of the process, and changes nothing of what it listens to. Undefined where there is none.
 *
 * @param name what the warning calls it: `onEvent`
 */
export function surviving<Args extends unknown[]>(
  name: string,
  listener: (...args: Args) => unknown,
): (...args: Args) => void;
export function surviving<Args extends unknown[]>(
  name: string,
  listener: ((...args: Args) => unknown) | undefined,
): ((...args: Args) => void) | undefined;
export function surviving<Args extends unknown[]>(
  name: string,
  listener: ((...args: Args) => unknown) | undefined,
): ((...args: Args) => void) | undefined {
  if (typeof listener !== 'function') return undefined;
  let isTold = false;
  const tell = (error: unknown): void => {
    if (isTold) return;
    isTold = true;
    const why = error instanceof Error ? (error.stack ?? error.message) : String(error);
    warn(`The listener \`${name}\` failed, and what it listens to goes on: ${why}`);
  };
  return (...args) => {
    try {
      const answer = listener(...args);
      if (aPromise.is(answer)) (answer as PromiseLike<unknown>).then(undefined, tell);
    } catch (error) {
      tell(error);
    }
  };
}

/** In a browser, where processes have no warnings, it is an error that nobody caught. */
function warn(message: string): void {
  const { process, reportError } = globalThis as {
    readonly process?: { emitWarning?(message: string, name: string): void };
    reportError?(error: unknown): void;
  };
  if (process?.emitWarning !== undefined) process.emitWarning(message, 'ListenerWarning');
  else reportError?.(new Error(message));
}
