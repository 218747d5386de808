/**
 * Waits for `work`, but no longer than `timeoutMs`; the work itself goes on.
 *
 * @throws what `late` makes, when the time is over
 */
export async function inTime<T>(work: Promise<T>, timeoutMs: number, late: () => Error): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const end = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(late()), timeoutMs);
  });
  work.catch(() => {}); // may yet fail, when nobody listens any more
  try {
    return await Promise.race([work, end]);
  } finally {
    clearTimeout(timer);
  }
}
