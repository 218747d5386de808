import { isFinal, type JobDestination, type JobRecord } from './job.ts';
import { OrderedJobs, type PlacedJob, positionOf } from './ordered-jobs.ts';

/** A job, and the tags that it has still to move. */
export interface TaggingJob extends PlacedJob {
  /** The data folder that has what it pushes. */
  readonly home: string;
  /** Canonical, with their tags; a repository where all tags of a source are pushed. */
  readonly tags: readonly string[];
  /** Where all tags are pushed: those that are reached. */
  readonly reached: readonly string[];
}

/** What a job has still to move: nothing once it has ended, and nothing in a dry run. */
export function tagsToMove({
  state,
  options,
  destinations,
  repositories,
}: JobRecord): Pick<TaggingJob, 'tags' | 'reached'> {
  if (isFinal(state) || options['dryRun'] === true) return { tags: [], reached: [] };
  const those = (wanted: JobDestination['state']): readonly string[] =>
    destinations.flatMap(({ reference, state: is }) => (is === wanted ? [reference] : []));
  return { tags: those('pending'), reached: repositories === undefined ? [] : those('pushed') };
}

/**
 * Which jobs of a data folder have the same tag before them: the one that was submitted last has the last word, so it
 * moves the tag last. What is asked costs what a job names, however many others there are.
 */
export class TagOrder {
  readonly #lists = new Map<string, OrderedJobs<TaggingJob>>();

  set(job: TaggingJob): void {
    for (const key of keysOf(job)) {
      const list = this.#lists.get(key) ?? new OrderedJobs();
      this.#lists.set(key, list);
      list.set(job);
    }
  }

  delete(job: TaggingJob): void {
    for (const key of keysOf(job)) {
      const list = this.#lists.get(key);
      list?.delete(job);
      if (list?.size === 0) this.#lists.delete(key);
    }
  }

  clear(): void {
    this.#lists.clear();
  }

  /** The id of a job that was submitted before, and has one of these tags still to move. */
  before(job: TaggingJob): string | undefined {
    const own = positionOf(job);
    for (const tag of job.tags) {
      for (const key of rivalKeysOf(job.home, tag)) {
        for (const rival of this.#lists.get(key)?.oldest() ?? []) {
          if (positionOf(rival) >= own) break;
          if (!rival.reached.includes(tag)) return rival.id;
        }
      }
    }
    return undefined;
  }
}

/** Where a job is found: by what it names, and by each repository. */
function keysOf({ home, tags }: TaggingJob): ReadonlySet<string> {
  return new Set(tags.flatMap((tag) => [nameKey(home, tag), repositoryKey(home, repositoryIn(tag))]));
}

/** Who is after the same: of one tag those who name it or all tags, of all tags whoever names anything there. */
function rivalKeysOf(home: string, tag: string): readonly string[] {
  const repository = repositoryIn(tag);
  return repository === tag ? [repositoryKey(home, tag)] : [nameKey(home, tag), nameKey(home, repository)];
}

function nameKey(home: string, name: string): string {
  return `${home} = ${name}`;
}

function repositoryKey(home: string, repository: string): string {
  return `${home} in ${repository}`;
}

/** Without the tag; the colon of a port stands before a slash. */
function repositoryIn(reference: string): string {
  return reference.replace(/:[^:/]*$/, '');
}
