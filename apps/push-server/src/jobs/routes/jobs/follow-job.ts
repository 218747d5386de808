import type { ServerResponse } from 'node:http';
import { RequestError } from '../../../errors.ts';
import type { Sight } from '../../../security/sight.ts';
import { isFinal } from '../../record/job.ts';
import type { JobService } from '../../service/job-service.ts';
import { openEventStream } from '../server-sent-events.ts';
import { seenEvent } from './seen-names.ts';

/** News may be lost with a connection to Redis: so often it is looked whether there is more. */
const lookMs = 5_000;

/**
 * Tells a job's kept events after one of them, and goes on with those to come until the job has ended or the reader
 * leaves. A slow reader is told what is kept when it can take it, and less of the progress.
 */
export async function followJob(
  id: string,
  after: number,
  response: ServerResponse,
  {
    jobs,
    onClosing,
    sight,
  }: {
    readonly jobs: Pick<JobService, 'store' | 'channel'>;
    readonly onClosing: (listener: () => void) => () => void;
    /** What the reader sees. */
    readonly sight: Sight;
  },
): Promise<void> {
  using stream = openEventStream(response, onClosing);
  let wake = (): void => {};
  let hasMore = true;
  const look = (): void => {
    hasMore = true;
    wake();
  };
  const leave = jobs.channel.subscribe((news) => {
    if (news.job !== id) return;
    if (news.kind === 'kept') look();
    const isProgress = news.kind === 'event' && news.event.seq === undefined;
    if (isProgress && !stream.isBehind) stream.send({ name: news.event.type, data: news.event });
  });
  const timer = setInterval(look, lookMs);
  stream.signal.addEventListener('abort', () => wake(), { once: true });
  let last = after;
  let finalSince: number | undefined;
  let hasEnded = false;
  /** Tells what is new; whether that was all there will be. */
  const tellNew = async (): Promise<boolean> => {
    for (const event of await jobs.store.events(id, last)) {
      stream.send({ name: event.type, id: event.seq, data: seenEvent(event, sight) });
      last = event.seq ?? last;
      await stream.drained();
      hasEnded = event.type === 'job:finished';
      if (stream.signal.aborted) return true;
    }
    const job = await jobs.store.get(id);
    if (job === undefined) return true; // forgotten
    if (!isFinal(job.state) || hasMore) return false;
    // The last event may be on its way; that of a daemon which died just then never comes.
    finalSince ??= performance.now();
    const isLate = performance.now() - finalSince >= lookMs;
    if (hasEnded || isLate) return true;
    const newest = (await jobs.store.events(id, 0)).at(-1);
    if (newest?.type !== 'job:finished') return false;
    // Kept just now, it has not been told yet; a reader that goes on after it was told of it before.
    hasMore = (newest.seq ?? 0) > last;
    return !hasMore;
  };
  try {
    while (!stream.signal.aborted) {
      hasMore = false;
      if (await tellNew().catch(laterIfUnavailable)) return;
      await new Promise<void>((resolve) => {
        wake = resolve;
        if (hasMore || stream.signal.aborted) resolve();
      });
    }
  } finally {
    clearInterval(timer);
    leave();
  }
}

/** While jobs cannot be read, the reader stays, and is told once they can. */
function laterIfUnavailable(error: unknown): false {
  if (error instanceof RequestError && error.status === 503) return false;
  throw error;
}
