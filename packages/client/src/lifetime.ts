import { assertSignal } from '@slipway/arguments';
import type { AbortOptions } from '@slipway/digest';
import { ClientError } from './errors.ts';

/** What runs on behalf of something that can be disposed. Leaving scope aborts it and waits for its end. */
export class Lifetime implements AsyncDisposable {
  readonly #controllers = new Set<AbortController>();
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
    const follow = (): void => controller.abort(signal?.reason);
    signal?.addEventListener('abort', follow, { once: true });
    const running = work(controller.signal);
    this.#controllers.add(controller);
    this.#running.add(running);
    try {
      return await running;
    } finally {
      signal?.removeEventListener('abort', follow);
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
}
