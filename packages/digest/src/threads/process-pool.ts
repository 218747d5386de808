/** How long threads without work are kept. They do not keep the process alive. */
const idleMs = 5000;

/**
 * One pool of threads for the process: bounded by the cores, however many streams there are. Made when it is needed,
 * let go when it is not.
 */
export class ProcessPool<Pool extends AsyncDisposable> {
  readonly #create: () => Pool;
  readonly #onLetGo: () => void;
  #pool: Pool | undefined;
  #users = 0;
  #idle: NodeJS.Timeout | undefined;

  constructor(create: () => Pool, onLetGo: () => void) {
    this.#create = create;
    this.#onLetGo = onLetGo;
  }

  get isRunning(): boolean {
    return this.#pool !== undefined;
  }

  /** The pool, for somebody who will say `leave`. */
  enter(): Pool {
    this.#pool ??= this.#create();
    clearTimeout(this.#idle);
    this.#users += 1;
    return this.#pool;
  }

  leave(): void {
    this.#users -= 1;
    if (this.#users === 0) this.#idle = setTimeout(() => this.#letGo(), idleMs).unref();
  }

  #letGo(): void {
    const unused = this.#pool;
    this.#pool = undefined;
    this.#onLetGo();
    void unused?.[Symbol.asyncDispose]();
  }
}
