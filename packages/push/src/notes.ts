import type { MetadataStore } from '@slipway/metadata-store';

/**
 * What a push notes in a metadata store for the next one. Nothing of a push waits for it but its end. A store that
 * fails never fails a push.
 */
export class Notes {
  readonly #store: MetadataStore | undefined;
  readonly #writing = new Set<Promise<void>>();

  /** @param store default nothing is remembered from one push to the next */
  constructor(store: MetadataStore | undefined) {
    this.#store = store;
  }

  /** Asks the store; undefined where there is none, or it fails. */
  async ask<T>(
    question: (store: MetadataStore) => Promise<T>,
    onFailure: (error: unknown) => void,
  ): Promise<T | undefined> {
    if (this.#store === undefined) return undefined;
    try {
      return await question(this.#store);
    } catch (error) {
      onFailure(error);
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
