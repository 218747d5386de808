import { rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { aBoolean, aDuration, aNumber, assertOptions, aText } from '@slipway/arguments';
import { makeFolder } from '@slipway/file-lock';
import { MetadataStoreError } from '../errors.ts';
import type { KeyValueBackend, ValueChange } from '../keyed/key-value-backend.ts';
import { inStore, withStoreLock } from '../store-folder.ts';
import { EntryLimit, filesIn } from './entry-limit.ts';
import { entryPath } from './entry-path.ts';
import { draftStart, readEntry, writeEntry } from './file-entry.ts';

/** Where the files lie, how many are kept, and how long others are waited for. */
export interface FileBackendOptions {
  /** Made, for this user alone, if need be. Several processes, containers and machines may share it. */
  readonly folder: string;
  /** How long a write waits for other processes, in milliseconds. @default 5000 */
  readonly lockTimeoutMs?: number | undefined;
  /** Entries of a namespace, about; the oldest go. @default all are kept */
  readonly maxEntries?: number | undefined;
  /**
   * Whether a write is on the disk when its promise resolves, and survives a power cut. Costs two flushes each.
   * @default false
   */
  readonly isDurable?: boolean | undefined;
  /** Permissions of the files, whatever the umask says. @default 0o600, or less by the umask */
  readonly mode?: number | undefined;
}

/**
 * Opens a folder that keeps one small file for each key. Readers take no lock; writes are atomic, and those that come
 * at the same time share a lock. A damaged file counts as absent and is replaced by the next write of its key.
 *
 * @throws {MetadataStoreError} `ERR_STORE_UNAVAILABLE` when the folder cannot be used; later, writes also
 * `ERR_STORE_LOCKED`
 */
export async function openFileBackend(options: FileBackendOptions): Promise<KeyValueBackend> {
  assertOptions('options', options, {
    required: { folder: aText },
    optional: { lockTimeoutMs: aDuration, maxEntries: aNumber, isDurable: aBoolean, mode: aNumber },
  });
  const backend = new FileBackend(options);
  await backend.prepare();
  return backend;
}

class FileBackend implements KeyValueBackend {
  readonly #folder: string;
  readonly #lockTimeoutMs: number;
  readonly #writing: { readonly isDurable: boolean; readonly mode: number | undefined };
  readonly #limit: EntryLimit;
  /** Writes that wait for the lock; they then share it. */
  readonly #waiting: { readonly work: () => Promise<void>; readonly reject: (reason: unknown) => void }[] = [];
  #lastGroup: Promise<void> = Promise.resolve();
  #isClosed = false;

  constructor({
    folder,
    lockTimeoutMs = 5_000,
    maxEntries = Number.POSITIVE_INFINITY,
    isDurable = false,
    mode,
  }: FileBackendOptions) {
    this.#folder = folder;
    this.#lockTimeoutMs = lockTimeoutMs;
    this.#writing = { isDurable, mode };
    this.#limit = new EntryLimit({ folder, maxEntries });
  }

  async prepare(): Promise<void> {
    await this.#run('open', () => makeFolder(this.#folder, 0o700));
  }

  async get(namespace: string, key: string): Promise<Uint8Array | undefined> {
    return await this.#run('read', () => readEntry(this.#pathOf(namespace, key)));
  }

  async set(namespace: string, key: string, value: Uint8Array): Promise<void> {
    await this.#change(namespace, key, () => value);
  }

  async delete(namespace: string, key: string): Promise<void> {
    await this.#change(namespace, key, () => undefined);
  }

  async update(namespace: string, key: string, change: ValueChange): Promise<void> {
    await this.#change(namespace, key, async (path) => {
      const before = await readEntry(path);
      const after = change(before);
      return after === before ? 'unchanged' : after;
    });
  }

  async take(namespace: string, key: string): Promise<Uint8Array | undefined> {
    let taken: Uint8Array | undefined;
    await this.#change(namespace, key, async (path) => {
      taken = await readEntry(path);
      return undefined;
    });
    return taken;
  }

  async list(namespace: string): Promise<readonly string[]> {
    const folder = join(this.#folder, namespace);
    const paths = await this.#run('read', () => filesIn(folder));
    return paths
      .filter((path) => !basename(path).startsWith(draftStart))
      .map((path) => path.slice(folder.length + 1).replaceAll('\\', '/'));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    await this.#lastGroup.catch(() => {}); // whoever wrote hears of it
    await this.#limit.settled();
  }

  #pathOf(namespace: string, key: string): string {
    return entryPath(this.#folder, namespace, key);
  }

  /** Makes of a file what `next` says, with the lock held. */
  async #change(
    namespace: string,
    key: string,
    next: (path: string) => Promise<Uint8Array | undefined | 'unchanged'> | Uint8Array | undefined,
  ): Promise<void> {
    const path = this.#pathOf(namespace, key);
    await this.#run('write', () =>
      this.#locked(async () => {
        const value = await next(path);
        if (value === 'unchanged') return;
        if (value === undefined) await removeEntry(path);
        else await writeEntry(path, value, this.#writing);
      }),
    );
    this.#limit.count(namespace);
  }

  /** Takes the lock once for all that wait when it is got. */
  async #locked(work: () => Promise<void>): Promise<void> {
    const done = new Promise<void>((resolve, reject) => {
      this.#waiting.push({ work: () => work().then(resolve, reject), reject });
    });
    if (this.#waiting.length === 1) this.#lastGroup = this.#lastGroup.then(() => this.#writeGroup());
    await done;
  }

  async #writeGroup(): Promise<void> {
    try {
      await withStoreLock(this.#folder, this.#lockTimeoutMs, async () => {
        for (const { work } of this.#waiting.splice(0)) await work();
      });
    } catch (error) {
      for (const { reject } of this.#waiting.splice(0)) reject(error); // without the lock, nothing of the group can run
    }
  }

  async #run<T>(operation: string, work: () => Promise<T>): Promise<T> {
    if (this.#isClosed) throw new MetadataStoreError('ERR_STORE_UNAVAILABLE', 'The metadata store is closed');
    return await inStore(this.#folder, operation, work);
  }
}

async function removeEntry(path: string): Promise<void> {
  await rm(path, { force: true, recursive: true });
}
