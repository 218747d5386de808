import type { ByteStream } from './content.ts';

/**
 * The same stream, whose pending read fails with the signal's reason once the signal aborts.
 * A source that is stuck in a read is told to close, but not waited for.
 */
export function abortable(source: ByteStream, signal: AbortSignal | undefined): ByteStream {
  return signal === undefined ? source : readAbortably(source, signal);
}

async function* readAbortably(source: ByteStream, signal: AbortSignal): AsyncGenerator<Uint8Array, void, void> {
  signal.throwIfAborted();
  const iterator = source[Symbol.asyncIterator]();
  // One listener for the whole stream: racing each read against one long-lived promise would keep every reaction alive.
  let interrupt = (): void => {};
  const onAbort = (): void => interrupt();
  signal.addEventListener('abort', onAbort, { once: true });
  let open = true;
  try {
    for (;;) {
      signal.throwIfAborted();
      const next = await new Promise<IteratorResult<Uint8Array>>((resolve, reject) => {
        interrupt = () => reject(signal.reason);
        iterator.next().then(resolve, (error: unknown) => {
          open = false;
          reject(error);
        });
      });
      if (next.done) {
        open = false;
        return;
      }
      yield next.value;
    }
  } finally {
    signal.removeEventListener('abort', onAbort);
    if (open) {
      const closed = close(iterator);
      if (!signal.aborted) await closed;
    }
  }
}

/** Best effort: whoever stops reading has a reason of his own, which a failing clean-up must not hide. */
export async function close(iterator: AsyncIterator<unknown>): Promise<void> {
  try {
    await iterator.return?.();
  } catch {}
}
