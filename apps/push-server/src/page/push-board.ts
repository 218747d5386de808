import { randomBytes } from 'node:crypto';
import type { PushEvent, PushResult } from '@slipway/push';
import { formatReference, type Reference } from '@slipway/reference';
import { isJobStep, type JobEvent, type JobFailure, tellPushEvent } from '../jobs/record/job.ts';
import { PushFold, type PushRow } from './push-fold.ts';

/** Whose push it is, and of what. */
export interface PushSubject {
  readonly kind: 'docker' | 'job';
  /** The job's. @default chosen here */
  readonly id?: string | undefined;
  readonly image: string;
  readonly principal: string;
}

/** A push, without its rows. Times are milliseconds since 1970. */
export interface PushSummary {
  readonly id: string;
  readonly kind: PushSubject['kind'];
  readonly image: string;
  readonly principal: string;
  readonly destinations: readonly string[];
  readonly state: 'running' | 'pushed' | 'failed' | 'ended';
  readonly startedAt: number;
  readonly endedAt: number | undefined;
  readonly bytesSent: number;
  readonly errors: readonly JobFailure[];
}

export interface PushView extends PushSummary {
  readonly rows: readonly PushRow[];
}

/** A push that is being told of. Leaving scope ends it, if nothing else did. */
export interface ShownPush extends Disposable {
  tell(event: PushEvent): void;
  end(results: readonly PushResult[]): void;
}

/** What changed in a push. */
export interface BoardChange {
  readonly id: string;
  /** Key of the row; undefined when the push itself changed. */
  readonly row: string | undefined;
}

/** The pushes of this daemon, and what is heard of those of others: what the status page shows. In memory, bounded. */
export interface PushBoard {
  /** Shows a push; without a subject, nothing is shown. */
  begin(subject: PushSubject | undefined, references: readonly Reference[]): ShownPush;
  /** Hears of a job that another daemon works on. */
  observe(
    job: string,
    event: JobEvent,
    about: () => Promise<(Omit<PushSubject, 'kind'> & { readonly destinations: readonly string[] }) | undefined>,
  ): void;
  /** Running ones first, then those that ended, newest first. */
  list(): readonly PushSummary[];
  get(id: string): PushView | undefined;
  row(id: string, key: string): PushRow | undefined;
  subscribe(listener: (change: BoardChange) => void): () => void;
  /** Bytes sent in each of the last 60 full seconds, oldest first. */
  rates(): readonly number[];
}

interface Shown {
  summary: PushSummary;
  readonly fold: PushFold;
  readonly isOurs: boolean;
}

const maxEnded = 50;
const maxErrors = 20;
const seconds = 60;
/** A job of another daemon of which nothing is heard any more. */
const silenceMs = 10 * 60_000;

const hidden: ShownPush = { tell() {}, end() {}, [Symbol.dispose]() {} };

/** Makes an empty {@link PushBoard}. */
export function createPushBoard(now: () => number = Date.now): PushBoard {
  const pushes = new Map<string, Shown>();
  const listeners = new Set<(change: BoardChange) => void>();
  const asked = new Set<string>();
  const sent = new Map<number, number>();

  const change = (id: string, row?: string): void => {
    for (const listener of listeners) listener({ id, row });
  };
  const countBytes = (bytes: number): void => {
    if (bytes <= 0) return;
    const second = Math.floor(now() / 1000);
    sent.set(second, (sent.get(second) ?? 0) + bytes);
    for (const old of sent.keys()) if (old < second - seconds) sent.delete(old);
  };
  const tell = (shown: Shown, event: ReturnType<typeof tellPushEvent>, time: number): void => {
    const before = shown.fold.bytesSent;
    const row = shown.fold.tell(event, time);
    const { bytesSent } = shown.fold;
    countBytes(bytesSent - before);
    const errors =
      event.type === 'push:failed' ? [...shown.summary.errors, event.error].slice(0, maxErrors) : shown.summary.errors;
    shown.summary = { ...shown.summary, bytesSent, errors };
    if (row !== undefined || event.type === 'push:failed') change(shown.summary.id, row);
  };
  const end = (shown: Shown, state: PushSummary['state'], error?: JobFailure): void => {
    if (shown.summary.endedAt !== undefined) return;
    const errors = error === undefined ? shown.summary.errors : [...shown.summary.errors, error].slice(0, maxErrors);
    shown.summary = { ...shown.summary, state, endedAt: now(), errors };
    const ended = [...pushes.values()].filter(({ summary }) => summary.endedAt !== undefined);
    for (const { summary } of ended.slice(0, Math.max(0, ended.length - maxEnded))) pushes.delete(summary.id);
    change(shown.summary.id);
  };
  const add = (subject: PushSubject, destinations: readonly string[], isOurs: boolean): Shown => {
    const id = subject.id ?? randomBytes(12).toString('hex');
    const { kind, image, principal } = subject;
    const summary: PushSummary = {
      id,
      kind,
      image,
      principal,
      destinations,
      state: 'running',
      startedAt: now(),
      endedAt: undefined,
      bytesSent: 0,
      errors: [],
    };
    const shown: Shown = { summary, fold: new PushFold(), isOurs };
    pushes.delete(id); // an earlier attempt; the newest stands last
    pushes.set(id, shown);
    change(id);
    return shown;
  };

  return {
    begin(subject, references) {
      if (subject === undefined) return hidden;
      const shown = add(subject, references.map(formatReference), true);
      return {
        tell: (event) => tell(shown, tellPushEvent(event), now()),
        end: (results) => end(shown, results.every(({ ok }) => ok) ? 'pushed' : 'failed'),
        [Symbol.dispose]: () => end(shown, 'ended'),
      };
    },
    observe(job, event, about) {
      const known = pushes.get(job);
      if (known?.isOurs === true && known.summary.endedAt === undefined) return;
      if (event.type === 'job:started' || event.type === 'job:queued') {
        if (event.type === 'job:queued' || asked.has(job)) return;
        asked.add(job);
        void about()
          .then((subject) => {
            const isOurs = pushes.get(job)?.isOurs === true && pushes.get(job)?.summary.endedAt === undefined;
            if (subject !== undefined && !isOurs)
              add({ kind: 'job', ...subject, id: job }, subject.destinations, false);
          })
          .catch(() => {}) // not shown
          .finally(() => asked.delete(job));
        return;
      }
      if (known === undefined || known.isOurs) return;
      if (event.type === 'job:finished')
        end(known, event.state === 'pushed' || event.state === 'failed' ? event.state : 'ended', event.error);
      else if (event.type === 'job:interrupted') end(known, 'ended');
      else if (!isJobStep(event)) tell(known, event, event.time);
    },
    list() {
      for (const shown of pushes.values()) {
        const { isOurs, fold, summary } = shown;
        const heard = Math.max(summary.startedAt, ...fold.rows().map((row) => row.spans.at(-1)?.to ?? 0));
        if (!isOurs && summary.endedAt === undefined && now() - heard > silenceMs) end(shown, 'ended');
      }
      const all = [...pushes.values()].map(({ summary }) => summary).reverse();
      return [
        ...all.filter(({ endedAt }) => endedAt === undefined),
        ...all.filter(({ endedAt }) => endedAt !== undefined),
      ];
    },
    get(id) {
      const shown = pushes.get(id);
      return shown && { ...shown.summary, rows: shown.fold.rows() };
    },
    row(id, key) {
      return pushes.get(id)?.fold.row(key);
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    rates() {
      const second = Math.floor(now() / 1000);
      return Array.from({ length: seconds }, (_, at) => sent.get(second - seconds + at) ?? 0);
    },
  };
}

/** A push made of a job's kept events: the last attempt of it. */
export function foldJobEvents(events: readonly JobEvent[]): {
  readonly rows: readonly PushRow[];
  readonly bytesSent: number;
} {
  const start = events.findLastIndex(({ type }) => type === 'job:started');
  const fold = new PushFold();
  for (const event of events.slice(Math.max(0, start))) {
    if (!isJobStep(event)) fold.tell(event, event.time);
  }
  return { rows: fold.rows(), bytesSent: fold.bytesSent };
}
