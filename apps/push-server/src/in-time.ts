/**
 * Waits for `work`, but no longer than `timeoutMs`; the work itself goes on. What has arrived while this process was
 * held up counts as in time.
 *
 * @throws what `late` makes, when the time is over
 */
export async function inTime<T>(work: Promise<T>, timeoutMs: number, late: () => Error): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const end = new Promise<never>((_resolve, reject) => {
    // Timers come first in a turn of the event loop, and what sockets and files have brought after them.
    timer = setTimeout(() => setImmediate(() => reject(late())), timeoutMs);
  });
  work.catch(() => {}); // may yet fail, when nobody listens any more
  try {
    return await Promise.race([work, end]);
  } finally {
    clearTimeout(timer);
  }
}
