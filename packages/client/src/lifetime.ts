import { assertSignal } from '@slipway/arguments';
import type { AbortOptions } from '@slipway/digest';
import { ClientError } from './errors.ts';

/** What runs on behalf of something that can be disposed. Leaving scope aborts it and waits for its end. */
export class Lifetime implements AsyncDisposable {
  readonly #controllers = new Set<AbortController>();
  /** Signals of callers, each with one listener for all that runs with it: more than ten would make Node warn. */
  readonly #followed = new Map<AbortSignal, Follower>();
  readonly #running = new Set<Promise<unknown>>();
  #closed: ClientError | undefined;

  /**
   * Runs work with a signal that aborts with the caller's, or when the lifetime ends.
   *
   * @throws {ClientError} `ERR_CLIENT_CLOSED`
   * @throws {ArgumentError} `ERR_ARGUMENT` when the signal is none
   */
  async run<T>({ signal }: AbortOptions, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    assertSignal(signal);
    signal?.throwIfAborted();
    if (this.#closed !== undefined) throw this.#closed;
    const controller = new AbortController();
    if (signal !== undefined) this.#follow(signal, controller);
    const running = work(controller.signal);
    this.#controllers.add(controller);
    this.#running.add(running);
    try {
      return await running;
    } finally {
      if (signal !== undefined) this.#leave(signal, controller);
      this.#controllers.delete(controller);
      this.#running.delete(running);
    }
  }

  /** Aborts what runs, without waiting. */
  abort(): void {
    this.#closed ??= new ClientError('ERR_CLIENT_CLOSED', 'the client is disposed');
    for (const controller of this.#controllers) controller.abort(this.#closed);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.abort();
    await Promise.allSettled(this.#running);
  }

  #follow(signal: AbortSignal, controller: AbortController): void {
    const known = this.#followed.get(signal);
    if (known !== undefined) {
      known.controllers.add(controller);
      return;
    }
    const controllers = new Set([controller]);
    const follow = (): void => {
      for (const each of controllers) each.abort(signal.reason);
    };
    this.#followed.set(signal, { controllers, follow });
    signal.addEventListener('abort', follow, { once: true });
  }

  #leave(signal: AbortSignal, controller: AbortController): void {
    const known = this.#followed.get(signal);
    known?.controllers.delete(controller);
    if (known === undefined || known.controllers.size > 0) return;
    signal.removeEventListener('abort', known.follow);
    this.#followed.delete(signal);
  }
}

interface Follower {
  readonly controllers: Set<AbortController>;
  readonly follow: () => void;
}
