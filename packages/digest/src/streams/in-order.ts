import { assertSignal } from '@slipway/arguments';
import { close } from './abortable.ts';
import type { AbortOptions } from './content.ts';

export interface InOrderOptions extends AbortOptions {
  /** Items worked on at once. */
  readonly concurrency: number;
  /** Items held at once: waiting, being worked on, or finished and not yet taken. */
  readonly held: number;
}

interface Job<T, R> {
  readonly item: T;
  work?: Promise<void>;
  outcome?: { readonly value: R };
}

/**
 * Works on several items at once and yields the results in the order of the items. It reads ahead up to `held` items
 * while its consumer is busy, and no further. When the consumer leaves, the signal aborts or anything fails, no new
 * work starts, work in progress is awaited, and the source is closed.
 */
export async function* inOrder<T, R>(
  items: AsyncIterable<T>,
  work: (item: T) => Promise<R>,
  { concurrency, held, signal }: InOrderOptions,
): AsyncGenerator<R, void, void> {
  assertSignal(signal);
  signal?.throwIfAborted();
  const iterator = items[Symbol.asyncIterator]();
  const line: Job<T, R>[] = [];
  let running = 0;
  let reading = false;
  let ended = false;
  let stopped = false;
  let failure: { readonly error: unknown } | undefined;
  let wake = (): void => {};
  const onAbort = (): void => wake();
  signal?.addEventListener('abort', onAbort);

  const read = async (): Promise<void> => {
    reading = true;
    try {
      const next = await iterator.next();
      if (next.done) ended = true;
      else line.push({ item: next.value });
    } catch (error) {
      ended = true;
      failure ??= { error };
    }
    reading = false;
    advance();
  };
  const start = async (job: Job<T, R>): Promise<void> => {
    running += 1;
    try {
      job.outcome = { value: await work(job.item) };
    } catch (error) {
      failure ??= { error };
    }
    running -= 1;
    advance();
  };
  const advance = (): void => {
    if (!stopped && failure === undefined) {
      for (const job of line) {
        if (running >= concurrency) break;
        job.work ??= start(job);
      }
      if (!reading && !ended && line.length < held) void read();
    }
    wake();
  };

  try {
    advance();
    for (;;) {
      signal?.throwIfAborted();
      if (failure !== undefined) throw failure.error;
      const head = line[0];
      if (head === undefined && ended) return;
      if (head?.outcome === undefined) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
        continue;
      }
      yield head.outcome.value;
      line.shift();
      advance();
    }
  } finally {
    stopped = true;
    signal?.removeEventListener('abort', onAbort);
    await Promise.all(line.map((job) => job.work));
    if (!ended) await close(iterator, reading, signal);
  }
}
