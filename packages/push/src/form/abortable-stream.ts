import type { ByteStream } from '@slipway/digest';
import { abortable } from './abortable.ts';

/**
 * The same stream, whose reader does not wait for a source that is stuck once `signal` aborts: that one closes in its
 * own time.
 */
export async function* abortableStream(
  source: ByteStream,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array, void, void> {
  const chunks = source[Symbol.asyncIterator]();
  let isReading = false;
  try {
    for (;;) {
      signal?.throwIfAborted();
      isReading = true;
      const next = await abortable(chunks.next(), signal);
      isReading = false;
      if (next.done) return;
      yield next.value;
    }
  } finally {
    const closing = Promise.resolve(chunks.return?.()).catch(() => {}); // whoever stops reading has a reason of its own
    if (!isReading) await closing;
  }
}
