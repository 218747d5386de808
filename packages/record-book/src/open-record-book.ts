import { join } from 'node:path';
import { aDuration, aNumber, assertOptions, aText } from '@slipway/arguments';
import { makeFolder, withFileLock } from '@slipway/file-lock';
import { BookFolder } from './book-folder.ts';
import { bookFailure, RecordBookError } from './errors.ts';
import type { RecordBook, ValueChange } from './record-book.ts';
import { keyIn, lineName } from './record-line.ts';
import { WaitingWrites } from './waiting-writes.ts';

/** Where the book lies, how much it keeps, and what may wait. */
export interface RecordBookOptions {
  /** Made, for this user alone, if need be. Several processes, containers and machines may share it. */
  readonly folder: string;
  /** What failures call it, such as `metadata store`. @default record book */
  readonly name?: string | undefined;
  /** How long a write waits for other processes, in milliseconds. @default 5000 */
  readonly lockTimeoutMs?: number | undefined;
  /** Records of a namespace, about; the oldest go. @default all are kept */
  readonly maxEntries?: number | undefined;
  /**
   * How long a write may wait for others to be written with it, in milliseconds. What other processes have written is
   * looked for as often. @default 0: nothing waits, and each question sees what was written before it
   */
  readonly gatherMs?: number | undefined;
}

/** What a book may hold: to be made anew, it is read as a whole. */
const maxBookBytes = 32 * 1024 * 1024;

/** A write takes milliseconds, and one that comes twice does no harm: a short time will do. */
const staleMs = 3_000;

/**
 * Opens a folder that keeps records in a sorted book and a journal of what came after it. Readers take no lock, and
 * look at the folder once for all that is asked at a time; writes that come at the same time share a lock and one
 * write. A record that is damaged counts as absent.
 *
 * @throws {RecordBookError} `ERR_BOOK_UNAVAILABLE` when the folder cannot be used
 */
export async function openRecordBook(options: RecordBookOptions): Promise<RecordBook> {
  assertOptions('options', options, {
    required: { folder: aText },
    optional: { name: aText, lockTimeoutMs: aDuration, maxEntries: aNumber, gatherMs: aNumber },
  });
  const book = new SharedBook(options);
  await book.prepare();
  return book;
}

class SharedBook implements RecordBook {
  readonly #folder: string;
  readonly #name: string;
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
    name = 'record book',
    lockTimeoutMs = 5_000,
    maxEntries = Number.POSITIVE_INFINITY,
    gatherMs = 0,
  }: RecordBookOptions) {
    this.#folder = folder;
    this.#name = name;
    this.#lockTimeoutMs = lockTimeoutMs;
    this.#gatherMs = gatherMs;
    this.#records = new BookFolder(folder, { maxEntries, maxBytes: maxBookBytes, freshMs: gatherMs });
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
    let failure: { readonly error: unknown } | undefined;
    /** A caller's mistake changes nothing, and is nobody else's of the same group. */
    const survived: ValueChange = (value) => {
      failure = undefined;
      try {
        return change(value);
      } catch (error) {
        failure = { error };
        return value;
      }
    };
    await this.#run('write', async () => {
      const written = this.#writes.add(lineName(namespace, key), survived, options);
      if (this.#gatherMs === 0) this.#beginGroup();
      else this.#timer ??= setTimeout(() => void this.flush(), this.#gatherMs);
      await written;
    });
    if (failure !== undefined) throw (failure as { readonly error: unknown }).error;
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
      const lock = { timeoutMs: this.#lockTimeoutMs, staleMs };
      await withFileLock(join(this.#folder, '.slipway-lock'), lock, async (held) => {
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
    if (this.#isClosed) throw new RecordBookError('ERR_BOOK_UNAVAILABLE', `The ${this.#name} is closed`);
    try {
      return await work();
    } catch (error) {
      if (error instanceof TypeError || !(error instanceof Error)) throw error;
      throw bookFailure(error, `Cannot ${operation} the ${this.#name} in ${this.#folder}`);
    }
  }
}
