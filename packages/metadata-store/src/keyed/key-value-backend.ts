import type { ValueChange } from '@slipway/record-book';

export type { ValueChange };

/**
 * Where a metadata store keeps its bytes: the only thing to implement for a new kind of store (`createMetadataStore`
 * does the rest). A write is seen by every process once its promise has resolved, and survives the end of this one.
 * Several processes may work on the same data at once.
 */
export interface KeyValueBackend extends AsyncDisposable {
  /** `key` may contain `/`, `:`, `,`. */
  get(namespace: string, key: string): Promise<Uint8Array | undefined>;
  set(namespace: string, key: string, value: Uint8Array): Promise<void>;
  /** Deleting what is not there is no error. */
  delete(namespace: string, key: string): Promise<void>;
  /**
   * Reads, changes and writes with nobody in between, in this process or another. `change` may be called again after a
   * conflict.
   */
  update(namespace: string, key: string, change: ValueChange): Promise<void>;
  /** Reads and deletes with nobody in between. Without it, that is an `update`. */
  take?(namespace: string, key: string): Promise<Uint8Array | undefined>;
  /**
   * Resolves once all writes that were begun are done or have failed, which each tells by itself. One that waits so as
   * to be written with others waits no longer. Without it, no write waits.
   */
  flush?(): Promise<void>;
  /** Keys of a namespace, in no particular order. Without it, abandoned upload sessions are not cleared away. */
  list?(namespace: string): Promise<readonly string[]>;
}
