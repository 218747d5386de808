/**
 * A signal that aborts at once while nothing was sent, and otherwise `graceMs` after the one that it follows. For a
 * request whose answer says what has to be cleared away: an upload session that nobody knows of stays at the registry.
 */
export class LateAbort implements Disposable {
  readonly #controller = new AbortController();
  readonly #followed: AbortSignal | undefined;
  readonly #graceMs: number;
  #isSent = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(followed: AbortSignal | undefined, graceMs: number) {
    this.#followed = followed;
    this.#graceMs = graceMs;
    if (followed?.aborted) this.#abort();
    else followed?.addEventListener('abort', this.#onAbort, { once: true });
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** From now on an answer may come that is worth the wait. */
  sent(): void {
    this.#isSent = true;
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    this.#followed?.removeEventListener('abort', this.#onAbort);
  }

  readonly #onAbort = (): void => {
    if (this.#isSent) this.#timer = setTimeout(() => this.#abort(), this.#graceMs);
    else this.#abort();
  };

  #abort(): void {
    this.#controller.abort(this.#followed?.reason);
  }
}
