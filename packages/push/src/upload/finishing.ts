/**
 * How long an interrupted push waits for the request on its way: registries like distribution 2.8 lose a session cut
 * off in one.
 */
const finishMs = 5_000;

/** A signal that follows another, but leaves the request on its way some time to end. */
export function finishing(signal: AbortSignal | undefined): Disposable & { readonly signal: AbortSignal } {
  const controller = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const follow = (): void => {
    timer = setTimeout(() => controller.abort(signal?.reason), finishMs);
  };
  if (signal?.aborted) follow();
  else signal?.addEventListener('abort', follow, { once: true });
  return {
    signal: controller.signal,
    [Symbol.dispose]() {
      clearTimeout(timer);
      signal?.removeEventListener('abort', follow);
    },
  };
}
