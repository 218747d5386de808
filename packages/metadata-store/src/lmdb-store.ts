import { randomInt } from 'node:crypto';
import { mkdir, open, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { RootDatabase, RootDatabaseOptionsWithPath } from 'lmdb';
import { MetadataStoreError } from './errors.ts';
import { withFileLock } from './file-lock.ts';
import type { KeyValueBackend, ValueChange } from './key-value-backend.ts';
import { createMetadataStore } from './key-value-store.ts';
import { findLmdbDamage } from './lmdb-check.ts';
import type { MetadataStore } from './metadata-store.ts';

export interface LmdbMetadataStoreOptions {
  /** Made, for this user alone, if need be. Several processes may share it; not on a network file system. */
  readonly folder: string;
  /** How long opening waits for a process that is writing. @default 5000 */
  readonly lockTimeoutMs?: number | undefined;
}

/**
 * Opens the metadata store in an LMDB file: each write is on disk when its promise resolves, and survives a crash.
 * The native module is loaded here and not before.
 *
 * @throws {MetadataStoreError} `ERR_STORE_CORRUPT`, `ERR_STORE_LOCKED` or `ERR_STORE_UNAVAILABLE`.
 */
export async function openLmdbMetadataStore(options: LmdbMetadataStoreOptions): Promise<MetadataStore> {
  return createMetadataStore(await openLmdbBackend(options));
}

/**
 * Opens such a file for whatever is to be kept by key: durable, shared by processes.
 *
 * @throws {MetadataStoreError} `ERR_STORE_CORRUPT`, `ERR_STORE_LOCKED` or `ERR_STORE_UNAVAILABLE`.
 */
export async function openLmdbBackend(options: LmdbMetadataStoreOptions): Promise<KeyValueBackend> {
  const { folder, lockTimeoutMs = 5_000 } = options;
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const damage = await findLmdbDamage(join(folder, 'data.mdb'));
    if (damage !== undefined) throw corruptError(folder, damage);
    await waitForWriter(join(folder, 'lock.mdb'), lockTimeoutMs);
    const lmdb = await import('lmdb');
    return new LmdbBackend(lmdb.open(databaseOptions(folder)), folder);
  } catch (error) {
    throw asStoreError(error, folder, 'open');
  }
}

/** A version that is new with every write lets a change notice any other, even one that put the same bytes back. */
function newVersion(): number {
  return randomInt(1, 2 ** 47);
}

class LmdbBackend implements KeyValueBackend {
  readonly #database: RootDatabase<Uint8Array, string>;
  readonly #folder: string;
  /** Changes that wait for the one under way on the same key; they then cost one write together. */
  readonly #waiting = new Map<string, ValueChange[]>();
  readonly #running = new Map<string, Promise<void>>();
  #closing: Promise<void> | undefined;

  constructor(database: RootDatabase<Uint8Array, string>, folder: string) {
    this.#database = database;
    this.#folder = folder;
  }

  async get(namespace: string, key: string): Promise<Uint8Array | undefined> {
    return await this.#run('read', async () => this.#database.get(`${namespace}/${key}`));
  }

  async set(namespace: string, key: string, value: Uint8Array): Promise<void> {
    await this.#run('write', () => this.#database.put(`${namespace}/${key}`, value, newVersion()));
  }

  async delete(namespace: string, key: string): Promise<void> {
    await this.#run('write', () => this.#database.remove(`${namespace}/${key}`));
  }

  async update(namespace: string, key: string, change: ValueChange): Promise<void> {
    await this.#run('write', () => this.#join(`${namespace}/${key}`, change));
  }

  async list(namespace: string): Promise<readonly string[]> {
    const start = `${namespace}/`;
    const end = `${namespace}0`; // `0` follows `/`
    return await this.#run('read', async () =>
      Array.from(this.#database.getKeys({ start, end }), (key) => key.slice(start.length)),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing ??= this.#database.close();
    await this.#closing;
  }

  async #join(key: string, change: ValueChange): Promise<void> {
    const waiting = this.#waiting.get(key);
    if (waiting !== undefined) {
      waiting.push(change);
      return await this.#running.get(key);
    }
    const changes = [change];
    this.#waiting.set(key, changes);
    const previous = this.#running.get(key) ?? Promise.resolve();
    const run = previous
      .catch(() => {}) // its own callers hear of it
      .then(() => this.#change(key, changes));
    this.#running.set(key, run);
    try {
      await run;
    } finally {
      if (this.#running.get(key) === run) this.#running.delete(key);
    }
  }

  /** Compares and swaps until nobody came between. No transaction is held open in JavaScript. */
  async #change(key: string, changes: readonly ValueChange[]): Promise<void> {
    this.#waiting.delete(key); // from here on, others form the next group
    for (;;) {
      const entry = this.#database.getEntry(key);
      const value = changes.reduce((current, change) => change(current), entry?.value);
      if (value === entry?.value) return;
      // `null` as the version expected: the key must not be there. The type does not know.
      const expected = (entry === undefined ? null : entry.version) as number;
      const isWritten =
        value === undefined
          ? await this.#database.remove(key, expected)
          : await this.#database.put(key, value, newVersion(), expected);
      if (isWritten) return;
      this.#database.resetReadTxn(); // look at what the other process has written
    }
  }

  async #run<T>(operation: string, work: () => Promise<T>): Promise<T> {
    if (this.#closing !== undefined) {
      throw new MetadataStoreError('ERR_STORE_UNAVAILABLE', 'The metadata store is closed');
    }
    try {
      return await work();
    } catch (error) {
      throw asStoreError(error, this.#folder, operation);
    }
  }
}

function databaseOptions(path: string): RootDatabaseOptionsWithPath {
  const options = {
    path,
    noSubdir: false, // a folder may have a dot in its name
    encoding: 'binary',
    useVersions: true,
    overlappingSync: false, // a commit is told after it is on disk
    maxDbs: 1,
    permissionsMode: 0o600, // not in the types, but in the code
  } as const;
  return options;
}

/**
 * Opening writes, on the main thread: behind a writer that was stopped (Ctrl-Z) it would hang for good, out of reach of
 * any timer. On 64-bit Linux the lock file tells: a mutex of this layout begins with the thread that holds it.
 * Elsewhere the danger remains.
 */
async function waitForWriter(path: string, timeoutMs: number): Promise<void> {
  const start = performance.now();
  while ((await writerOf(path)) !== 0) {
    if (performance.now() - start >= timeoutMs) {
      throw new MetadataStoreError(
        'ERR_STORE_LOCKED',
        `Another process has been writing to ${path} for ${timeoutMs} ms`,
      );
    }
    await delay(10);
  }
}

async function writerOf(path: string): Promise<number> {
  if (process.platform !== 'linux') return 0;
  try {
    await using file = await open(path, 'r');
    const { buffer, bytesRead } = await file.read(Buffer.alloc(68), 0, 68, 0);
    const isKnown = bytesRead === 68 && buffer.readUInt32LE(0) === 0xbeefc0de && buffer.readUInt32LE(4) === 0x2c2f6002;
    return isKnown ? buffer.readUInt32LE(64) & 0x3fff_ffff : 0; // the upper bits: others wait, the owner died
  } catch {
    return 0; // no lock file yet
  }
}

function corruptError(folder: string, reason: string, cause?: unknown): MetadataStoreError {
  return new MetadataStoreError('ERR_STORE_CORRUPT', `The metadata store in ${folder} is damaged: ${reason}`, {
    cause,
    setAside: () => setAside(folder),
  });
}

/** Another process may have found the same damage: whoever comes second must not set the new file aside. */
async function setAside(folder: string): Promise<string | undefined> {
  const path = join(folder, 'data.mdb');
  return await withFileLock(join(folder, 'set-aside.lock'), { timeoutMs: 5_000 }, async () => {
    if ((await findLmdbDamage(path)) === undefined) return undefined;
    const aside = `${path}.corrupt-${new Date().toISOString().replace(/[:.]/g, '-')}`;
    await rename(path, aside);
    await rm(join(folder, 'lock.mdb'), { force: true });
    return aside;
  });
}

/** @see https://github.com/kriszyp/lmdb-js/blob/v3.5.6/dependencies/lmdb/libraries/liblmdb/lmdb.h (return codes) */
const corruptCodes: ReadonlySet<unknown> = new Set([-30797, -30796, -30795, -30794, -30793, -30779, -30778]);

function asStoreError(error: unknown, folder: string, operation: string): unknown {
  if (error instanceof MetadataStoreError || !(error instanceof Error) || error instanceof TypeError) return error;
  const code = 'code' in error ? error.code : undefined;
  if (corruptCodes.has(code)) return corruptError(folder, error.message, error);
  const message = `Cannot ${operation} the metadata store in ${folder}: ${error.message}`;
  return new MetadataStoreError('ERR_STORE_UNAVAILABLE', message, { cause: error });
}
