/** What tells where a job stands in a list. */
export interface PlacedJob {
  readonly id: string;
  readonly createdAt: string;
}

/** Where a job stands in the list. */
export function positionOf({ createdAt, id }: PlacedJob): string {
  return `${createdAt}_${id}`;
}

/** Jobs in the order in which they were submitted. What is asked costs what is taken, however many there are. */
export class OrderedJobs<Job extends PlacedJob> {
  #jobs: Job[] = []; // oldest first

  get size(): number {
    return this.#jobs.length;
  }

  set(job: Job): void {
    const at = this.#placeOf(positionOf(job));
    this.#jobs.splice(at, this.#jobs[at]?.id === job.id ? 1 : 0, job);
  }

  delete(job: Job): void {
    const at = this.#placeOf(positionOf(job));
    if (this.#jobs[at]?.id === job.id) this.#jobs.splice(at, 1);
  }

  /** Starts anew. */
  replace(jobs: Iterable<Job>): void {
    this.#jobs = [...jobs].sort((a, b) => (positionOf(a) < positionOf(b) ? -1 : 1));
  }

  /** Newest first, from the one after `position` on; what changes meanwhile is seen. */
  *newest(position?: string): Generator<Job, void, void> {
    let at = (position === undefined ? this.#jobs.length : this.#placeOf(position)) - 1;
    for (let job = this.#jobs[at]; job !== undefined; job = this.#jobs[at]) {
      yield job;
      at = (this.#jobs[at] === job ? at : this.#placeOf(positionOf(job))) - 1;
    }
  }

  *oldest(): Generator<Job, void, void> {
    let at = 0;
    for (let job = this.#jobs[at]; job !== undefined; job = this.#jobs[at]) {
      yield job;
      at = this.#jobs[at] === job ? at + 1 : this.#placeOf(`${positionOf(job)}\0`);
    }
  }

  /** The first place whose job does not stand before `position`. */
  #placeOf(position: string): number {
    let low = 0;
    let high = this.#jobs.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const job = this.#jobs[middle];
      if (job !== undefined && positionOf(job) < position) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
