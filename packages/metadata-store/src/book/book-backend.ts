import { openRecordBook, type RecordBook, RecordBookError, type RecordBookOptions } from '@slipway/record-book';
import { MetadataStoreError } from '../errors.ts';
import type { KeyValueBackend, ValueChange } from '../keyed/key-value-backend.ts';

/**
 * Opens a folder that keeps all records in one book.
 *
 * @throws {MetadataStoreError} `ERR_STORE_UNAVAILABLE` when the folder cannot be used; later, writes also
 * `ERR_STORE_LOCKED`
 */
export async function openBookBackend(options: Omit<RecordBookOptions, 'name'>): Promise<KeyValueBackend> {
  return new BookBackend(await asStore(openRecordBook({ ...options, name: 'metadata store' })));
}

/** A record book whose failures are those of a store. */
class BookBackend implements KeyValueBackend {
  readonly #book: RecordBook;

  constructor(book: RecordBook) {
    this.#book = book;
  }

  get(namespace: string, key: string): Promise<Uint8Array | undefined> {
    return asStore(this.#book.get(namespace, key));
  }

  set(namespace: string, key: string, value: Uint8Array): Promise<void> {
    return asStore(this.#book.set(namespace, key, value));
  }

  delete(namespace: string, key: string): Promise<void> {
    return asStore(this.#book.delete(namespace, key));
  }

  update(namespace: string, key: string, change: ValueChange): Promise<void> {
    return asStore(this.#book.update(namespace, key, change));
  }

  take(namespace: string, key: string): Promise<Uint8Array | undefined> {
    return asStore(this.#book.take(namespace, key));
  }

  list(namespace: string): Promise<readonly string[]> {
    return asStore(this.#book.list(namespace));
  }

  flush(): Promise<void> {
    return asStore(this.#book.flush());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await asStore(this.#book[Symbol.asyncDispose]());
  }
}

async function asStore<T>(work: PromiseLike<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (!(error instanceof RecordBookError)) throw error;
    const code = error.code === 'ERR_BOOK_LOCKED' ? 'ERR_STORE_LOCKED' : 'ERR_STORE_UNAVAILABLE';
    throw new MetadataStoreError(code, error.message, { cause: error.cause });
  }
}
