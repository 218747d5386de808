import { setMaxListeners } from 'node:events';
import type { MetadataStore } from '@slipway/metadata-store';
import { answered } from './answered.ts';

/**
 * What a push notes in a metadata store for the next one. Nothing of a push waits for it but its end. A store that
 * fails never fails a push.
 */
export class Notes {
  readonly #store: MetadataStore | undefined;
  readonly #signal: AbortSignal | undefined;
  readonly #writing = new Set<Promise<void>>();

  /**
   * @param store default nothing is remembered from one push to the next
   * @param signal once it aborts, a store that does not answer is waited for no more
   */
  constructor(store: MetadataStore | undefined, signal?: AbortSignal) {
    this.#store = store;
    // One of its own: every question under way listens, and leaves when it is answered.
    this.#signal = signal && AbortSignal.any([signal]);
    if (this.#signal !== undefined) setMaxListeners(0, this.#signal);
  }

  /**
   * Asks the store; undefined where there is none, or it fails.
   *
   * @param late is given what the store answers when it is waited for no more
   */
  async ask<T>(
    question: (store: MetadataStore) => Promise<T>,
    onFailure: (error: unknown) => void,
    late?: (answer: T, store: MetadataStore) => unknown,
  ): Promise<T | undefined> {
    const store = this.#store;
    if (store === undefined) return undefined;
    try {
      return await answered(question(store), this.#signal, late && ((answer) => late(answer, store)));
    } catch (error) {
      if (this.#signal?.aborted !== true || error !== this.#signal.reason) onFailure(error);
      return undefined;
    }
  }

  /** Begins to note something, and does not wait for it. */
  add(work: (store: MetadataStore) => Promise<unknown>, onFailure: (error: unknown) => void): void {
    const writing = this.ask(work, onFailure).then(() => {
      this.#writing.delete(writing);
    });
    this.#writing.add(writing);
  }

  /** Resolves once all that was noted is kept, or told as a failure. */
  async settled(): Promise<void> {
    if (this.#writing.size === 0) return;
    const flushing = this.ask(
      (store) => store.flush(),
      () => {},
    );
    await Promise.all([flushing, ...this.#writing]);
  }
}
