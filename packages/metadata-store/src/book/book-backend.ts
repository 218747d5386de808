import { makeFolder } from '@slipway/file-lock';
import { MetadataStoreError } from '../errors.ts';
import type { KeyValueBackend, ValueChange } from '../keyed/key-value-backend.ts';
import { inStore, withStoreLock } from '../store-folder.ts';
import { BookFolder } from './book-folder.ts';
import { keyIn, lineName } from './record-line.ts';
import { WaitingWrites } from './waiting-writes.ts';

export interface BookBackendOptions {
  /** Made, for this user alone, if need be. Several processes, containers and machines may share it. */
  readonly folder: string;
  /** How long a write waits for other processes, in milliseconds. @default 5000 */
  readonly lockTimeoutMs?: number | undefined;
  /** Records of a namespace, about; the oldest go. @default all are kept */
  readonly maxEntries?: number | undefined;
  /** How long a write may wait for others to be written with it, in milliseconds. @default 0 */
  readonly gatherMs?: number | undefined;
}

/** What a book may hold: to be made anew, it is read as a whole. */
const maxBookBytes = 32 * 1024 * 1024;

/**
 * Opens a folder that keeps all records in a book and its journal. Readers take no lock, and look at the folder once
 * for all that is asked at a time; writes that come at the same time share a lock and one write. A record that is
 * damaged counts as absent.
 *
 * @throws {MetadataStoreError} `ERR_STORE_UNAVAILABLE` when the folder cannot be used; later, writes also
 * `ERR_STORE_LOCKED`
 */
export async function openBookBackend(options: BookBackendOptions): Promise<KeyValueBackend> {
  const backend = new BookBackend(options);
  await backend.prepare();
  return backend;
}

class BookBackend implements KeyValueBackend {
  readonly #folder: string;
  readonly #lockTimeoutMs: number;
  readonly #gatherMs: number;
  readonly #records: BookFolder;
  readonly #writes = new WaitingWrites();
  #timer: NodeJS.Timeout | undefined;
  /** A group that waits for its turn takes all that come until then. */
  #nextGroup: Promise<void> | undefined;
  #lastGroup: Promise<void> = Promise.resolve();
  #isClosed = false;

  constructor({
    folder,
    lockTimeoutMs = 5_000,
    maxEntries = Number.POSITIVE_INFINITY,
    gatherMs = 0,
  }: BookBackendOptions) {
    this.#folder = folder;
    this.#lockTimeoutMs = lockTimeoutMs;
    this.#gatherMs = gatherMs;
    this.#records = new BookFolder(folder, { maxEntries, maxBytes: maxBookBytes });
  }

  async prepare(): Promise<void> {
    await this.#run('open', () => makeFolder(this.#folder, 0o700));
  }

  async get(namespace: string, key: string): Promise<Uint8Array | undefined> {
    return await this.#run('read', async () => {
      const name = lineName(namespace, key);
      return this.#writes.applied(name, await this.#records.get(name));
    });
  }

  async set(namespace: string, key: string, value: Uint8Array): Promise<void> {
    await this.#change(namespace, key, () => value, { needsValue: false });
  }

  async delete(namespace: string, key: string): Promise<void> {
    await this.#change(namespace, key, () => undefined, { needsValue: false });
  }

  async update(namespace: string, key: string, change: ValueChange): Promise<void> {
    await this.#change(namespace, key, change, { needsValue: true });
  }

  async take(namespace: string, key: string): Promise<Uint8Array | undefined> {
    let taken: Uint8Array | undefined;
    const take = (value: Uint8Array | undefined): undefined => {
      taken = value;
    };
    await Promise.all([this.#change(namespace, key, take, { needsValue: true }), this.flush()]);
    return taken;
  }

  async list(namespace: string): Promise<readonly string[]> {
    return await this.#run('read', async () => {
      const names = new Set(await this.#records.namesIn(namespace));
      for (const name of this.#writes.namesIn(namespace)) {
        if (this.#writes.applied(name, await this.#records.get(name)) === undefined) names.delete(name);
        else names.add(name);
      }
      return Array.from(names, keyIn);
    });
  }

  async flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#writes.areWaiting) this.#beginGroup();
    await this.#lastGroup;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    await this.flush();
    await this.#records[Symbol.asyncDispose]();
  }

  async #change(
    namespace: string,
    key: string,
    change: ValueChange,
    options: { readonly needsValue: boolean },
  ): Promise<void> {
    await this.#run('write', async () => {
      const written = this.#writes.add(lineName(namespace, key), change, options);
      if (this.#gatherMs === 0) this.#beginGroup();
      else this.#timer ??= setTimeout(() => void this.flush(), this.#gatherMs);
      await written;
    });
  }

  /** The lock is taken once for all that wait when it is got. */
  #beginGroup(): void {
    if (this.#nextGroup !== undefined) return;
    this.#nextGroup = this.#lastGroup.then(() => this.#writeGroup());
    this.#lastGroup = this.#nextGroup;
  }

  /** Never rejects: whoever wrote hears of it. */
  async #writeGroup(): Promise<void> {
    try {
      await withStoreLock(this.#folder, this.#lockTimeoutMs, async (held) => {
        this.#nextGroup = undefined;
        await this.#records.write(held, this.#writes);
        this.#writes.finish();
      });
    } catch (error) {
      this.#nextGroup = undefined;
      this.#writes.fail(error);
    }
  }

  async #run<T>(operation: string, work: () => Promise<T>): Promise<T> {
    if (this.#isClosed) throw new MetadataStoreError('ERR_STORE_UNAVAILABLE', 'The metadata store is closed');
    return await inStore(this.#folder, operation, work);
  }
}
