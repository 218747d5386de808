import { OrderedJobs, type PlacedJob } from './ordered-jobs.ts';

type EndedJob = PlacedJob & { readonly principal: string };

/** Jobs that have ended, of which some have to go: those of whoever has the most, the oldest first. */
export class EndedJobs {
  readonly #byPrincipal = new Map<string, OrderedJobs<EndedJob>>();

  set(job: EndedJob): void {
    const own = this.#byPrincipal.get(job.principal) ?? new OrderedJobs();
    this.#byPrincipal.set(job.principal, own);
    own.set(job);
  }

  delete(job: EndedJob): void {
    const own = this.#byPrincipal.get(job.principal);
    own?.delete(job);
    if (own?.size === 0) this.#byPrincipal.delete(job.principal);
  }

  clear(): void {
    this.#byPrincipal.clear();
  }

  /** What goes when so many may stay. */
  beyond(keep: number): readonly string[] {
    const all = [...this.#byPrincipal.values()];
    const share = shareOf(
      all.map(({ size }) => size),
      keep,
    );
    let left = keep - all.reduce((sum, { size }) => sum + Math.min(size, share), 0);
    return all.flatMap((own) => {
      let surplus = own.size - share;
      if (surplus > 0 && left > 0) {
        surplus -= 1;
        left -= 1;
      }
      return surplus > 0 ? first(own.oldest(), surplus) : [];
    });
  }
}

/** How many each may have, so that all have no more than may stay: who has fewer leaves more to others. */
function shareOf(sizes: readonly number[], keep: number): number {
  let left = keep;
  let others = sizes.length;
  for (const size of sizes.toSorted((a, b) => a - b)) {
    if (size * others > left) return Math.floor(left / others);
    left -= size;
    others -= 1;
  }
  return Number.POSITIVE_INFINITY;
}

function first(jobs: Iterable<PlacedJob>, count: number): readonly string[] {
  const found: string[] = [];
  for (const { id } of jobs) {
    found.push(id);
    if (found.length === count) break;
  }
  return found;
}
