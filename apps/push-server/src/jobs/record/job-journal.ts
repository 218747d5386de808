import type { PushEvent } from '@slipway/push';
import type { LiveChannel } from '../queue/live-channel.ts';
import type { JobEvent, JobStep } from './job.ts';
import { tellPushEvent } from './job.ts';
import type { JobStore } from './job-store.ts';

/**
 * Events of one job that are kept; beyond, only how it ends. An image of 127 layers to eight destinations stays below.
 */
const maxKept = 5_000;
/** Events that come within this time are one write. */
const flushMs = 100;
/** How often the progress of one blob is told. */
const progressMs = 200;

/** Writes down what happens to one job while this daemon works on it. */
export interface JobJournal extends AsyncDisposable {
  step(step: JobStep): void;
  push(event: PushEvent): void;
  /** Resolves once everything so far is kept. */
  flush(): Promise<void>;
}

export interface JobJournalOptions {
  readonly id: string;
  readonly store: JobStore;
  readonly channel: LiveChannel;
  readonly onFailure: (error: unknown) => void;
  /** Milliseconds since 1970. @default Date.now */
  readonly now?: (() => number) | undefined;
}

/** Goes on where the job's kept events end. */
export async function openJobJournal(options: JobJournalOptions): Promise<JobJournal> {
  const { id, store, channel, onFailure, now = Date.now } = options;
  const kept = await store.events(id, 0);
  let seq = kept.at(-1)?.seq ?? 0;
  let pending: JobEvent[] = [];
  let writing = Promise.resolve();
  let timer: NodeJS.Timeout | undefined;
  const told = new Map<string, number>();

  const flush = (): Promise<void> => {
    clearTimeout(timer);
    timer = undefined;
    const batch = pending;
    pending = [];
    if (batch.length > 0) {
      writing = writing
        .then(() => store.appendEvents(id, batch))
        .then(() => channel.publish({ kind: 'kept', job: id }))
        .catch(onFailure); // a job does not fail for its history
    }
    return writing;
  };

  const keep = (event: JobStep | ReturnType<typeof tellPushEvent>): void => {
    const isStep = event.type.startsWith('job:');
    if (seq > maxKept && !isStep) return;
    seq += 1;
    const stamped = { seq, time: now(), ...event };
    pending.push(seq === maxKept + 1 && !isStep ? { seq, time: now(), type: 'job:truncated', kept: maxKept } : stamped);
    channel.publish({ kind: 'event', job: id, event: stamped });
    timer ??= setTimeout(() => void flush(), flushMs);
  };

  return {
    step: keep,
    push(event) {
      if (event.type === 'blob:storing' || event.type === 'manifest:storing') {
        channel.publish({ kind: 'event', job: id, event: { time: now(), ...event } });
        return;
      }
      if (event.type !== 'blob:progress') {
        // It counts down once a second; once is enough to keep.
        if (event.type === 'blob:retrying' && told.get(`retry ${keyOf(event)}`) === event.attempt) return;
        if (event.type === 'blob:retrying') told.set(`retry ${keyOf(event)}`, event.attempt);
        keep(tellPushEvent(event));
        return;
      }
      const key = keyOf(event);
      const time = now();
      const isFirst = !told.has(key);
      if (time - (told.get(key) ?? 0) < progressMs && event.sent !== event.size) return;
      told.set(key, time);
      if (isFirst)
        keep(event); // when the sending began belongs into the timeline
      else channel.publish({ kind: 'event', job: id, event: { time, ...event } });
    },
    flush,
    async [Symbol.asyncDispose]() {
      await flush();
    },
  };
}

function keyOf({ blob }: { readonly blob: { readonly destination: string; readonly key: string } }): string {
  return `${blob.destination} ${blob.key}`;
}
