import type { ToldPushEvent } from '../jobs/record/job.ts';

/**
 * What a row is doing. `checking`: asking the registry whether it has the blob. `reading`: compressing, size unknown
 * yet.
 */
export type RowPhase = 'checking' | 'waiting' | 'reading' | 'sending' | 'retrying';

/** How a row ended. */
export type RowOutcome = 'existed' | 'mounted' | 'pushed' | 'skipped' | 'unchanged';

/** A stretch of time in which a row did one thing. Times are milliseconds since 1970. */
export interface RowSpan {
  readonly phase: RowPhase;
  readonly from: number;
  readonly to: number;
  /** Of a wait: the row whose end let this one go on, in this push; undefined when that was another push. */
  readonly after?: string | undefined;
}

/** A blob on its way to one repository, or a manifest. */
export interface PushRow {
  /** Unique within the push. */
  readonly key: string;
  /** What people call it: 12 digits of a layer, `config`, or a tag. */
  readonly label: string;
  readonly role: 'layer' | 'config' | 'blob' | 'manifest';
  readonly destination: string;
  readonly phase: RowPhase | 'done';
  readonly outcome?: RowOutcome | undefined;
  /** Bytes: of `total` are done. 0 of 0 when nothing is known. */
  readonly done: number;
  readonly total: number;
  /** Where it was mounted from, or why it is tried again. */
  readonly note?: string | undefined;
  /** Of spans that have ended, and of the one that goes on: `to` is the time of the last event. */
  readonly spans: readonly RowSpan[];
}

interface OpenRow {
  row: PushRow;
  spans: RowSpan[];
  phase: RowPhase | undefined;
  since: number;
}

/** Rows and spans that are kept: an index of forty images stays below. */
const maxRows = 4_000;
const maxSpans = 60;

/** Turns a push's events, with their times, into rows: what each blob did when, and what it waited for. */
export class PushFold {
  readonly #rows = new Map<string, OpenRow>();
  /** The row that ended last, by destination and of all. */
  readonly #lastEnded = new Map<string, string>();
  readonly #startedAt = new Map<string, number>();
  #last = 0;
  #bytesSent = 0;

  /** Changed rows' keys. */
  tell(event: ToldPushEvent, time: number): string | undefined {
    this.#last = Math.max(this.#last, time);
    switch (event.type) {
      case 'push:started':
        if (!this.#startedAt.has(event.destination)) this.#startedAt.set(event.destination, time);
        return undefined;
      case 'blob:preparing':
        return this.#enter(event, 'checking', time, {});
      case 'blob:waiting':
        return this.#enter(event, 'waiting', time, {});
      case 'blob:progress': {
        const { sent, size, read, readTotal } = event;
        const isReading = size === undefined;
        const key = keyOf(event);
        const before = this.#rows.get(key);
        const had = before?.phase === 'sending' ? before.row.done : 0;
        if (!isReading && sent > had) this.#bytesSent += sent - had;
        return this.#enter(event, isReading ? 'reading' : 'sending', time, {
          done: isReading ? read : sent,
          total: isReading ? readTotal : size,
        });
      }
      case 'blob:resumed':
        return this.#enter(event, 'sending', time, {
          done: event.offset,
          total: event.size ?? 0,
          note: `resumed at ${event.offset} bytes`,
        });
      case 'blob:retrying':
        return this.#enter(event, 'retrying', time, { note: `attempt ${event.attempt}: ${event.cause.message}` });
      case 'blob:existed':
        return this.#end(event, 'existed', time, { done: event.size, total: event.size });
      case 'blob:mounted':
        return this.#end(event, 'mounted', time, { done: event.size, total: event.size, note: `from ${event.from}` });
      case 'blob:pushed':
        return this.#end(event, 'pushed', time, { done: event.size, total: event.size });
      case 'blob:skipped':
        return this.#end(event, 'skipped', time, { note: 'a foreign layer' });
      case 'manifest:pushed':
        return this.#manifest(event, time);
      default:
        return undefined;
    }
  }

  /** In the order they appeared. */
  rows(): readonly PushRow[] {
    return [...this.#rows.keys()].map((key) => this.row(key));
  }

  row(key: string): PushRow {
    const open = this.#rows.get(key);
    if (open === undefined) throw new Error('unreachable: a row that was told of');
    const { row, spans, phase, since } = open;
    return { ...row, spans: phase === undefined ? [...spans] : [...spans, { phase, from: since, to: this.#last }] };
  }

  /** Bytes that went over the wire, as far as progress told. */
  get bytesSent(): number {
    return this.#bytesSent;
  }

  #enter(event: BlobEvent, phase: RowPhase, time: number, change: Partial<PushRow>): string | undefined {
    const key = keyOf(event);
    const open = this.#rows.get(key) ?? this.#add(key, event, time);
    if (open === undefined || open.row.phase === 'done') return undefined;
    if (open.phase !== phase) {
      this.#close(open, time);
      open.phase = phase;
      open.since = time;
    }
    open.row = { ...open.row, note: undefined, ...change, phase };
    return key;
  }

  #end(event: BlobEvent, outcome: RowOutcome, time: number, change: Partial<PushRow>): string | undefined {
    const key = keyOf(event);
    const open = this.#rows.get(key) ?? this.#add(key, event, time);
    if (open === undefined) return undefined;
    this.#close(open, time);
    open.phase = undefined;
    open.row = { ...open.row, note: undefined, ...change, phase: 'done', outcome };
    this.#lastEnded.set(event.blob.destination, key);
    this.#lastEnded.set('', key);
    return key;
  }

  #manifest(event: Extract<ToldPushEvent, { readonly type: 'manifest:pushed' }>, time: number): string | undefined {
    const { destination, tag, digest, size, unchanged } = event;
    const key = `${destination} manifest ${tag ?? digest}`;
    if (this.#rows.size >= maxRows) return undefined;
    const after = this.#lastEnded.get(destination);
    const start = this.#startedAt.get(destination) ?? time;
    const ready = (after === undefined ? undefined : this.#rows.get(after)?.spans.at(-1)?.to) ?? start;
    const spans: RowSpan[] = [{ phase: 'sending', from: ready, to: time }];
    if (ready > start) spans.unshift({ phase: 'waiting', from: start, to: ready, after });
    const outcome = unchanged ? 'unchanged' : 'pushed';
    const label = tag ?? digest.slice(0, 19);
    const row: PushRow = {
      key,
      label,
      role: 'manifest',
      destination,
      phase: 'done',
      outcome,
      done: size,
      total: size,
      spans,
    };
    this.#rows.set(key, { row, spans, phase: undefined, since: time });
    this.#lastEnded.set(destination, key);
    return key;
  }

  #add(key: string, { blob }: BlobEvent, time: number): OpenRow | undefined {
    if (this.#rows.size >= maxRows) return undefined;
    const { destination, role, id } = blob;
    const label = role === 'config' ? 'config' : id;
    const row: PushRow = { key, label, role, destination, phase: 'checking', done: 0, total: 0, spans: [] };
    const open: OpenRow = { row, spans: [], phase: undefined, since: time };
    this.#rows.set(key, open);
    return open;
  }

  #close(open: OpenRow, time: number): void {
    if (open.phase === undefined || open.spans.length >= maxSpans) return;
    const after = open.phase === 'waiting' ? this.#lastEnded.get('') : undefined;
    open.spans.push({ phase: open.phase, from: open.since, to: time, after });
  }
}

type BlobEvent = Extract<ToldPushEvent, { readonly blob: unknown }>;

function keyOf({ blob }: BlobEvent): string {
  return `${blob.destination} ${blob.key}`;
}
