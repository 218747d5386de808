import { MetadataStoreError } from '../errors.ts';
import type { MetadataStore } from '../metadata-store.ts';
import type { KeyValueBackend, ValueChange } from './key-value-backend.ts';
import { createMetadataStore } from './key-value-store.ts';

/** A metadata store that forgets everything when it is closed: for tests, and where nothing may be written. */
export function createMemoryMetadataStore(): MetadataStore {
  return createMetadataStore(new MemoryBackend());
}

/** Values by key, in memory. */
export class MemoryBackend implements KeyValueBackend {
  readonly #values = new Map<string, Map<string, Uint8Array>>();
  #isClosed = false;

  async get(namespace: string, key: string): Promise<Uint8Array | undefined> {
    return this.#open(namespace).get(key);
  }

  async set(namespace: string, key: string, value: Uint8Array): Promise<void> {
    this.#open(namespace).set(key, value);
  }

  async delete(namespace: string, key: string): Promise<void> {
    this.#open(namespace).delete(key);
  }

  async update(namespace: string, key: string, change: ValueChange): Promise<void> {
    const values = this.#open(namespace);
    const value = change(values.get(key));
    if (value === undefined) values.delete(key);
    else values.set(key, value);
  }

  async take(namespace: string, key: string): Promise<Uint8Array | undefined> {
    const values = this.#open(namespace);
    const value = values.get(key);
    values.delete(key);
    return value;
  }

  async list(namespace: string): Promise<readonly string[]> {
    return [...this.#open(namespace).keys()];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    this.#values.clear();
  }

  #open(namespace: string): Map<string, Uint8Array> {
    if (this.#isClosed) throw new MetadataStoreError('ERR_STORE_UNAVAILABLE', 'The metadata store is closed');
    const values = this.#values.get(namespace) ?? new Map<string, Uint8Array>();
    this.#values.set(namespace, values);
    return values;
  }
}
