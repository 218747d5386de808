import type { KeyValueBackend } from '@slipway/metadata-store';
import type { Logger } from 'pino';
import type { JobEvent, JobRecord } from './job.ts';
import { readJobRecord } from './read-job-record.ts';

/** What of jobs outlives the daemon: records and their events. Every write is durable when its promise resolves. */
export interface JobStore extends AsyncDisposable {
  /** Keeps a new job; of one whose id is there already, that one comes back and nothing changes. */
  create(job: JobRecord): Promise<JobRecord>;
  get(id: string): Promise<JobRecord | undefined>;
  /**
   * Changes a job with nobody in between; `change` may return it as it is. The job as it then is, or undefined when
   * there is none.
   */
  update(id: string, change: (job: JobRecord) => JobRecord): Promise<JobRecord | undefined>;
  /** All jobs, newest first. */
  list(): Promise<readonly JobRecord[]>;
  delete(id: string): Promise<void>;
  /** Deletes a job if it is so, with nobody in between. What is kept then, if anything. */
  deleteIf(id: string, condition: (job: JobRecord) => boolean): Promise<JobRecord | undefined>;
  /** Keeps events; the first one's `seq` follows what is kept. */
  appendEvents(id: string, events: readonly JobEvent[]): Promise<void>;
  /** Kept events whose `seq` is greater, in order. */
  events(id: string, after: number): Promise<readonly JobEvent[]>;
}

/** Records that are read at once: whoever asks for another thing meanwhile is served between two such lots. */
const readsAtOnce = 100;
const jobs = 'slipway-job';
const eventsOf = (id: string): string => `slipway-job-events-${id}`;

export interface JobStoreOptions {
  /** Told of each record that is none: its job is lost, and no other. */
  readonly onDamaged?: ((id: string) => void) | undefined;
}

/** Tells the log of each damaged record once. */
export function damageTeller(log: Pick<Logger, 'error'>, placeOf: (place: string) => string): (id: string) => void {
  const told = new Set<string>();
  return (id) => {
    if (told.has(id)) return;
    told.add(id);
    log.error({ job: id }, `the record of a push job is damaged, and the job is lost: ${placeOf(`${jobs}/${id}`)}`);
  };
}

/** Keeps jobs wherever bytes can be kept by key. The store owns `backend`, which has to be able to list. */
export function createJobStore(backend: KeyValueBackend, { onDamaged = () => {} }: JobStoreOptions = {}): JobStore {
  /** A job whose record cannot be read is absent. */
  const recordIn = (id: string, value: Uint8Array | undefined): JobRecord | undefined => {
    if (value === undefined) return undefined;
    const job = readJobRecord(id, parse(value));
    if (job === undefined) onDamaged(id);
    return job;
  };
  const list = async (namespace: string): Promise<readonly string[]> => (await backend.list?.(namespace)) ?? [];

  return {
    async create(job) {
      let kept = job;
      await backend.update(jobs, job.id, (value) => {
        kept = recordIn(job.id, value) ?? job;
        return kept === job ? encode(job) : value;
      });
      return kept;
    },
    get: async (id) => recordIn(id, await backend.get(jobs, id)),
    async update(id, change) {
      let changed: JobRecord | undefined;
      await backend.update(jobs, id, (value) => {
        const job = recordIn(id, value);
        changed = job && change(job);
        return changed === undefined || changed === job ? value : encode(changed);
      });
      return changed;
    },
    async list() {
      const ids = await list(jobs);
      const found: JobRecord[] = [];
      for (let at = 0; at < ids.length; at += readsAtOnce) {
        const read = async (id: string): Promise<JobRecord | undefined> => recordIn(id, await backend.get(jobs, id));
        const lot = await Promise.all(ids.slice(at, at + readsAtOnce).map(read));
        found.push(...lot.filter((job) => job !== undefined));
      }
      return found.sort((a, b) => compare(b.createdAt, a.createdAt) || compare(b.id, a.id));
    },
    async delete(id) {
      await backend.delete(jobs, id);
      const namespace = eventsOf(id);
      for (const key of await list(namespace)) await backend.delete(namespace, key);
    },
    async deleteIf(id, condition) {
      let kept: JobRecord | undefined;
      await backend.update(jobs, id, (value) => {
        const job = recordIn(id, value);
        kept = job !== undefined && condition(job) ? undefined : job;
        return kept === undefined ? undefined : value;
      });
      return kept;
    },
    async appendEvents(id, events) {
      const [first] = events;
      // A batch is one value, under the number of its first event: one durable write for all that came together.
      if (first?.seq !== undefined) await backend.set(eventsOf(id), keyOf(first.seq), encode(events));
    },
    async events(id, after) {
      const namespace = eventsOf(id);
      const keys = [...(await list(namespace))].sort(compare);
      // The batch that holds `after` is the last one that begins at or before it.
      const start = Math.max(0, keys.filter((key) => key <= keyOf(after)).length - 1);
      const batches = await Promise.all(keys.slice(start).map((key) => backend.get(namespace, key)));
      return batches.flatMap(eventsIn).filter(({ seq }) => seq !== undefined && seq > after);
    },
    [Symbol.asyncDispose]: () => backend[Symbol.asyncDispose](),
  };
}

function keyOf(seq: number): string {
  return String(seq).padStart(9, '0');
}

function compare(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}

function encode(value: unknown): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(value));
}

/** Events that can be read; a history with a hole is better than none. */
function eventsIn(batch: Uint8Array | undefined): readonly JobEvent[] {
  const events = batch && parse(batch);
  return (Array.isArray(events) ? events : []).filter(
    (event: Partial<JobEvent> | null) => typeof event?.seq === 'number' && typeof event.type === 'string',
  );
}

function parse(value: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(value)) as unknown;
  } catch {
    return undefined;
  }
}
