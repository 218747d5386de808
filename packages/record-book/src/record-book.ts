/**
 * Changes one value: gets what is there, returns what shall be; undefined means absent, on both sides. Returning the
 * very value it was given changes nothing. What it throws comes through, and changes nothing.
 */
export type ValueChange = (value: Uint8Array | undefined) => Uint8Array | undefined;

/**
 * Records by namespace and key, which several processes read and write at once. Closing it writes what waits. What
 * cannot be done rejects with a `RecordBookError`.
 */
export interface RecordBook extends AsyncDisposable {
  /** Any text may be a key; a namespace has no space in its name. */
  get(namespace: string, key: string): Promise<Uint8Array | undefined>;
  /** Resolves once it is written, as the other writes do; whoever asks this book sees it at once. */
  set(namespace: string, key: string, value: Uint8Array): Promise<void>;
  /** Deleting what is not there is no error. */
  delete(namespace: string, key: string): Promise<void>;
  /** Reads, changes and writes with nobody in between, in this process or another. */
  update(namespace: string, key: string, change: ValueChange): Promise<void>;
  /** Reads and deletes with nobody in between, and waits for no other write. */
  take(namespace: string, key: string): Promise<Uint8Array | undefined>;
  /** Keys of a namespace, in no particular order. */
  list(namespace: string): Promise<readonly string[]>;
  /** Writes what waits; resolves once all writes that were begun are done, or have failed, which each tells itself. */
  flush(): Promise<void>;
}
