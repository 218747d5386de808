import type { QueuedJob } from './job-queue.ts';

/** Who holds how many of the places in which jobs are worked on. */
export interface JobShares {
  /**
   * The one of those that wait whose turn it is; undefined when all places are taken, or kept free for others, or none
   * may begin.
   */
  pick<T extends QueuedJob>(waiting: Iterable<T>, mayBegin?: (job: QueuedJob) => boolean): T | undefined;
  /** Takes a place. Leaving scope gives it back. */
  take(job: QueuedJob): Disposable;
  /** Jobs at work, by registry and by principal. */
  readonly running: {
    readonly registries: ReadonlyMap<string, number>;
    readonly principals: ReadonlyMap<string, number>;
  };
}

/**
 * Shares places by what is left: a registry may have as many as are free, a principal twice as many. So one registry
 * that does not answer, or one team, never has them all: of eight, four, and the next one two; whoever is alone still
 * has half. Among those that may go on, the principal with the fewest jobs comes first, then whoever has waited
 * longest.
 *
 * Several of them together would have all places, and stop everybody else. So whoever has no job at work may begin one
 * in any case, and one more for each registry where nothing is at work, up to `concurrency`: how many there are beyond
 * that number follows from how many principals there are, and not from how many jobs.
 *
 * @see https://doi.org/10.1109/90.664262 dynamic queue length thresholds, by Choudhury and Hahne
 */
export function createJobShares({ concurrency }: { readonly concurrency: number }): JobShares {
  const registries = new Map<string, number>();
  const principals = new Map<string, number>();
  let taken = 0;

  const fits = (job: QueuedJob): boolean => {
    const own = principals.get(job.principal) ?? 0;
    if (own === 0) return true;
    const free = concurrency - taken;
    if (own >= concurrency && own >= 2 * free) return false; // without a look at what it names
    const most = Math.max(...registriesOf(job).map((registry) => registries.get(registry) ?? 0));
    return most === 0 ? own < concurrency : most < free && own < 2 * free;
  };

  return {
    running: { registries, principals },
    pick(waiting, mayBegin = () => true) {
      let best: { readonly job: QueuedJob; readonly running: number } | undefined;
      for (const job of waiting) {
        const running = principals.get(job.principal) ?? 0;
        if ((best === undefined || running < best.running) && fits(job) && mayBegin(job)) best = { job, running };
        if (best?.running === 0) break; // nobody can come before it
      }
      return best?.job as never;
    },
    take(job) {
      const { principal } = job;
      const names = registriesOf(job);
      let isHeld = true;
      taken += 1;
      count(principals, principal, 1);
      for (const name of names) count(registries, name, 1);
      return {
        [Symbol.dispose]() {
          if (!isHeld) return;
          isHeld = false;
          taken -= 1;
          count(principals, principal, -1);
          for (const name of names) count(registries, name, -1);
        },
      };
    },
  };
}

/** The host of a canonical reference stands before its first slash. The registry that is read from counts too. */
function registriesOf({ destinations, source }: QueuedJob): readonly string[] {
  const references = destinations.map(({ reference }) => reference);
  if (source?.kind === 'registry') references.push(source.reference);
  return [...new Set(references.map((reference) => reference.slice(0, reference.indexOf('/'))))];
}

function count(counts: Map<string, number>, name: string, by: number): void {
  const next = (counts.get(name) ?? 0) + by;
  if (next === 0) counts.delete(name);
  else counts.set(name, next);
}
