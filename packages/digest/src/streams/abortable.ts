import { aStream, assertArgument, assertSignal } from '@slipway/arguments';
import type { ByteStream } from './content.ts';

/**
 * The same stream, whose pending read fails with the signal's reason once the signal aborts; without a signal, the
 * stream itself. A source that is stuck in a read is told to close, but not waited for.
 */
export function abortable(source: ByteStream, signal: AbortSignal | undefined): ByteStream {
  assertArgument('source', source, aStream);
  assertSignal(signal);
  return signal === undefined ? source : readAbortably(source, signal);
}

/**
 * Tells a source that nobody reads on, and waits until it has closed. With `reading`, a read is still pending: a source
 * stuck in it cannot close, so the wait ends when the signal aborts. Failures stay unsaid: whoever stops reading has a
 * reason of his own, which a failing clean-up must not hide.
 */
export async function close(
  iterator: AsyncIterator<unknown>,
  reading = false,
  signal?: AbortSignal | undefined,
): Promise<void> {
  const closed = (async () => iterator.return?.())().catch(() => {});
  if (!reading || signal === undefined) {
    await closed;
    return;
  }
  await new Promise<void>((resolve) => {
    const done = (): void => {
      signal.removeEventListener('abort', done);
      resolve();
    };
    signal.addEventListener('abort', done);
    void closed.then(done);
    if (signal.aborted) done();
  });
}

async function* readAbortably(source: ByteStream, signal: AbortSignal): AsyncGenerator<Uint8Array, void, void> {
  signal.throwIfAborted();
  const iterator = source[Symbol.asyncIterator]();
  // One listener for the whole stream: racing each read against one long-lived promise would keep every reaction alive.
  let interrupt = (): void => {};
  const onAbort = (): void => interrupt();
  signal.addEventListener('abort', onAbort);
  let open = true;
  let reading = false;
  const read = async (): Promise<IteratorResult<Uint8Array>> => {
    reading = true;
    open = false; // a source that fails or ends has closed itself
    try {
      const next = await iterator.next();
      open = !next.done;
      return next;
    } finally {
      reading = false;
    }
  };
  try {
    for (;;) {
      signal.throwIfAborted();
      const next = await new Promise<IteratorResult<Uint8Array>>((resolve, reject) => {
        interrupt = () => reject(signal.reason);
        read().then(resolve, reject);
      });
      if (next.done) return;
      yield next.value;
    }
  } finally {
    signal.removeEventListener('abort', onAbort);
    if (open || reading) await close(iterator, reading, signal);
  }
}
