import type { PushEvent } from '@slipway/push';
import { familiarString, formatReference, parseReference } from '@slipway/reference';
import type { JobDestination, JobRecord } from '../record/job.ts';
import type { JobStore } from '../record/job-store.ts';
import { withProgress } from './job-attempts.ts';

/** What one run brings forward, written down as it happens: whoever takes the job up again goes on from there. */
export interface RunNotes {
  tell(event: PushEvent): void;
  /** The job's destinations with what this run has reached by now. */
  destinationsOf(job: JobRecord): readonly JobDestination[];
}

export interface RunNotesOptions {
  readonly id: string;
  /** Of the run: what another run has to say is left alone. */
  readonly token: string;
  readonly store: Pick<JobStore, 'update'>;
  /** Told once a tag that the run has reached is written down. */
  readonly onReached: () => void;
  readonly onFailure: (error: unknown) => void;
}

type Reached = Omit<JobDestination, 'reference' | 'state' | 'error'>;

export function createRunNotes({ id, token, store, onReached, onFailure }: RunNotesOptions): RunNotes {
  /** By the familiar name of each tag. */
  const reached = new Map<string, Reached>();
  let hasProgress = false;
  let isWritten = true;
  let isWriting = false;

  const noted = (job: JobRecord): JobRecord => {
    if (job.run?.token !== token) return job;
    const next = withProgress(job, token);
    return reached.size === 0 ? next : { ...next, destinations: withReached(next, reached) };
  };
  /** What comes while something is being written is written together, after it. */
  const write = async (): Promise<void> => {
    isWritten = false;
    if (isWriting) return;
    isWriting = true;
    while (!isWritten) {
      isWritten = true;
      await store.update(id, noted).then(onReached, onFailure);
    }
    isWriting = false;
  };

  return {
    tell(event) {
      const isNew = !hasProgress && bringsForward.has(event.type);
      hasProgress ||= isNew;
      if (isNew || note(event, reached)) void write();
    },
    destinationsOf: (job) => withReached(job, reached),
  };
}

/** What shows that a run does not stand still. */
const bringsForward: ReadonlySet<PushEvent['type']> = new Set(['blob:pushed', 'blob:mounted', 'manifest:pushed']);

/** Whether something else is reached than before. A tag whose manifest is in place has its signatures and referrers. */
function note(event: PushEvent, reached: Map<string, Reached>): boolean {
  switch (event.type) {
    case 'manifest:pushed': {
      const { destination, tag, digest, mediaType, size, unchanged } = event;
      if (tag !== undefined) reached.set(`${destination}:${tag}`, { digest, mediaType, size, unchanged });
      return tag !== undefined;
    }
    case 'push:finished': {
      const name = `${event.destination}:${event.tag}`;
      reached.set(name, { ...reached.get(name), digest: event.digest, totals: event.totals });
      return true;
    }
    case 'push:failed':
      return reached.delete(`${event.destination}:${event.tag}`);
    default:
      return false;
  }
}

/** What was reached stays reached, however the run ends. Of a job for all tags each tag stands before what is left. */
function withReached(job: JobRecord, reached: ReadonlyMap<string, Reached>): readonly JobDestination[] {
  const state = job.options['dryRun'] === true ? 'planned' : 'pushed';
  if (job.repositories === undefined) {
    return job.destinations.map((destination): JobDestination => {
      const end = reached.get(familiarString(parseReference(destination.reference)));
      return end === undefined ? destination : { reference: destination.reference, state, ...end };
    });
  }
  const tags = new Map(pushedOf(job).map((each) => [each.reference, each]));
  for (const [name, end] of reached) {
    const reference = formatReference(parseReference(name));
    tags.set(reference, { reference, state, ...end });
  }
  return [...tags.values(), ...job.repositories.map((reference): JobDestination => ({ reference, state: 'pending' }))];
}

/** Destinations that need nothing more, also in a run that comes after. */
export function pushedOf({ destinations }: Pick<JobRecord, 'destinations'>): readonly JobDestination[] {
  return destinations.filter(({ state }) => state === 'pushed');
}
