import { setMaxListeners } from 'node:events';

/**
 * All work of a push, or of one of its destinations: what begins in a scope ends in it. The first failure cancels the
 * rest, and the scope closes when nothing of it runs any more.
 */
export class Scope implements AsyncDisposable {
  readonly #controller = new AbortController();
  readonly #parent: AbortSignal | undefined;
  readonly #running = new Set<Promise<unknown>>();
  #failure: { readonly error: unknown } | undefined;

  /** @param parent ends the scope when it aborts, with its own reason */
  constructor(parent?: AbortSignal | undefined) {
    this.#parent = parent;
    setMaxListeners(0, this.#controller.signal); // every blob under way listens, and leaves when it is done
    if (parent?.aborted) this.#onParentAbort();
    else parent?.addEventListener('abort', this.#onParentAbort, { once: true });
  }

  /** Aborts with the first failure, with the parent's reason, or when the scope closes. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Runs work whose failure ends the scope. */
  async run<T>(work: () => Promise<T>): Promise<T> {
    this.signal.throwIfAborted();
    const running = work();
    this.#track(running);
    try {
      return await running;
    } catch (error) {
      this.#fail(error);
      throw this.#failure?.error ?? error;
    }
  }

  /**
   * Runs all works, at most `atOnce` of them at once, and waits until each has ended.
   *
   * @throws the scope's first failure in time, when there is one: the failures that it caused say less
   */
  async all<T>(
    works: Iterable<() => Promise<T>>,
    { atOnce = Number.POSITIVE_INFINITY }: { readonly atOnce?: number } = {},
  ): Promise<T[]> {
    const given = [...works];
    const settled: PromiseSettledResult<T>[] = [];
    let next = 0;
    const runOn = async (): Promise<void> => {
      for (let at = next++; at < given.length; at = next++) {
        const [result] = await Promise.allSettled([this.run(given[at]!)]);
        settled[at] = result;
      }
    };
    await Promise.all(Array.from({ length: Math.min(atOnce, given.length) }, runOn));
    return settled.map((result) => {
      if (result.status === 'rejected') throw result.reason;
      return result.value;
    });
  }

  /** Keeps the scope open until something has ended that runs whether or not the scope aborts. */
  hold(work: Promise<unknown>): void {
    this.#track(work);
  }

  /** Waits for everything that is held, then cancels what is left. */
  async [Symbol.asyncDispose](): Promise<void> {
    while (this.#running.size > 0) await Promise.allSettled(this.#running);
    this.#parent?.removeEventListener('abort', this.#onParentAbort);
    this.#controller.abort(new Error('the push has ended'));
  }

  readonly #onParentAbort = (): void => this.#fail(this.#parent?.reason);

  #fail(error: unknown): void {
    this.#failure ??= { error };
    this.#controller.abort(error);
  }

  #track(work: Promise<unknown>): void {
    this.#running.add(work);
    const leave = (): void => void this.#running.delete(work);
    work.then(leave, leave);
  }
}
