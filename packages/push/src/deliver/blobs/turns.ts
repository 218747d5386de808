/** Work on one blob that has not ended. */
interface Turn {
  readonly repository: string | symbol;
  readonly ended: Promise<unknown>;
}

/**
 * Lets equal blobs for several repositories of one registry go one after another: the first is uploaded, and the
 * others find it there to be mounted. Equal blobs for the same repository share one transfer and need no turns.
 */
export class Turns {
  readonly #open = new Map<string, Set<Turn>>();

  /**
   * Runs `work`, told what to wait for: work of the same name for other repositories that began before.
   *
   * @param repository a symbol of its own for work that shares nothing, and waits for all that began before
   */
  take<T>(
    name: string,
    repository: string | symbol,
    work: (before: Promise<unknown> | undefined) => Promise<T>,
  ): Promise<T> {
    const open = this.#open.get(name) ?? new Set<Turn>();
    this.#open.set(name, open);
    const earlier = [...open];
    const joins = earlier.some((turn) => turn.repository === repository);
    const result = work(joins || earlier.length === 0 ? undefined : Promise.all(earlier.map(({ ended }) => ended)));
    const leave = (): void => {
      open.delete(turn);
      if (open.size === 0) this.#open.delete(name);
    };
    const turn: Turn = { repository, ended: result.then(leave, leave) };
    open.add(turn);
    return result;
  }
}
