import { aSignal, assertArgument, withMethods } from '@slipway/arguments';

/**
 * Waits for work that others may wait for too, but no longer than this caller's signal allows. The work itself goes on;
 * one that fails when nobody waits for it any more is nobody's unhandled rejection.
 *
 * @throws the reason of `signal`, unwrapped, once it aborts
 */
export async function abortable<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  assertArgument('work', work, withMethods('a promise', 'then', 'catch'));
  if (signal === undefined) return await work;
  assertArgument('signal', signal, aSignal);
  work.catch(() => {});
  signal.throwIfAborted();
  let leave: () => void = () => {};
  const aborted = new Promise<never>((_, reject) => {
    leave = () => reject(signal.reason);
    signal.addEventListener('abort', leave, { once: true });
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener('abort', leave);
  }
}
