import { randomUUID } from 'node:crypto';
import { mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { MetadataStoreError } from './errors.ts';
import { withFileLock } from './file-lock.ts';
import type { KeyValueBackend, ValueChange } from './key-value-backend.ts';
import { createMetadataStore } from './key-value-store.ts';
import type { MetadataStore } from './metadata-store.ts';

export interface FileMetadataStoreOptions {
  /** Docker's own is `/var/lib/docker/image/overlay2/distribution`. Made, for this user alone, if need be. */
  readonly folder: string;
  /** How long a write waits for other processes. @default 5000 */
  readonly lockTimeoutMs?: number | undefined;
}

/** Fifty records need 16 KiB. */
const maxValueSize = 1024 * 1024;

/**
 * Opens a metadata store in the files that Docker itself keeps, byte for byte; what only we keep lies in folders that
 * Docker ignores. Processes of ours may share it. Docker's daemon takes no lock: let it not run at the same time.
 *
 * @throws {MetadataStoreError} `ERR_STORE_UNAVAILABLE` when the folder cannot be used.
 * @see https://github.com/moby/moby/blob/v28.0.0/distribution/metadata/metadata.go
 */
export async function openFileMetadataStore(options: FileMetadataStoreOptions): Promise<MetadataStore> {
  const { folder, lockTimeoutMs = 5_000 } = options;
  const backend = new FileBackend(folder, lockTimeoutMs);
  await backend.prepare();
  return createMetadataStore(backend);
}

class FileBackend implements KeyValueBackend {
  readonly #folder: string;
  readonly #lockTimeoutMs: number;
  /** Writes that wait for the lock; they then share it. */
  readonly #waiting: { readonly work: () => Promise<void>; readonly reject: (reason: unknown) => void }[] = [];
  #writing: Promise<void> = Promise.resolve();
  #isClosed = false;

  constructor(folder: string, lockTimeoutMs: number) {
    this.#folder = folder;
    this.#lockTimeoutMs = lockTimeoutMs;
  }

  async prepare(): Promise<void> {
    await this.#run('open', () => mkdir(this.#folder, { recursive: true, mode: 0o700 }));
  }

  async get(namespace: string, key: string): Promise<Uint8Array | undefined> {
    return await this.#run('read', () => readValue(this.#pathOf(namespace, key)));
  }

  async set(namespace: string, key: string, value: Uint8Array): Promise<void> {
    const path = this.#pathOf(namespace, key);
    await this.#run('write', () => this.#locked(() => writeValue(path, value)));
  }

  async delete(namespace: string, key: string): Promise<void> {
    const path = this.#pathOf(namespace, key);
    await this.#run('write', () => this.#locked(() => rm(path, { force: true })));
  }

  async update(namespace: string, key: string, change: ValueChange): Promise<void> {
    const path = this.#pathOf(namespace, key);
    await this.#run('write', () =>
      this.#locked(async () => {
        const before = await readValue(path);
        const value = change(before);
        if (value === before && value !== undefined) return;
        if (value === undefined) await rm(path, { force: true });
        else await writeValue(path, value);
      }),
    );
  }

  async list(namespace: string): Promise<readonly string[]> {
    return await this.#run('read', async () => {
      const names = await readdir(join(this.#folder, namespace), { recursive: true, withFileTypes: true }).catch(
        (error: unknown) => (isAbsent(error) ? [] : Promise.reject(error)),
      );
      const start = join(this.#folder, namespace).length + 1;
      return names
        .filter((entry) => entry.isFile() && !entry.name.startsWith('.tmp-'))
        .map((entry) => join(entry.parentPath, entry.name).slice(start).replaceAll('\\', '/'));
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    await this.#writing.catch(() => {}); // whoever wrote hears of it
  }

  /** Refuses what would lead out of the namespace. Colons and commas stay: Docker's `v1id` has both. */
  #pathOf(namespace: string, key: string): string {
    const isSafe = key.split('/').every((part) => part !== '' && part !== '.' && part !== '..' && !/[\0\\]/.test(part));
    if (!isSafe) throw new TypeError(`Expected \`key\` to be a relative path, got ${JSON.stringify(key)}`);
    return join(this.#folder, namespace, key);
  }

  /** Takes the lock once for all that wait when it is got. */
  async #locked(work: () => Promise<void>): Promise<void> {
    const done = new Promise<void>((resolve, reject) => {
      this.#waiting.push({ work: () => work().then(resolve, reject), reject });
    });
    if (this.#waiting.length === 1) this.#writing = this.#writing.then(() => this.#writeGroup());
    await done;
  }

  async #writeGroup(): Promise<void> {
    const lock = join(this.#folder, '.slipway-lock');
    try {
      await withFileLock(lock, { timeoutMs: this.#lockTimeoutMs }, async () => {
        for (const { work } of this.#waiting.splice(0)) await work();
      });
    } catch (error) {
      for (const { reject } of this.#waiting.splice(0)) reject(error); // without the lock, nothing of the group can run
    }
  }

  async #run<T>(operation: string, work: () => Promise<T>): Promise<T> {
    if (this.#isClosed) throw new MetadataStoreError('ERR_STORE_UNAVAILABLE', 'The metadata store is closed');
    try {
      return await work();
    } catch (error) {
      if (error instanceof MetadataStoreError || error instanceof TypeError || !(error instanceof Error)) throw error;
      const message = `Cannot ${operation} the metadata store in ${this.#folder}: ${error.message}`;
      throw new MetadataStoreError('ERR_STORE_UNAVAILABLE', message, { cause: error });
    }
  }
}

/** What is too large to be ours counts as absent, like what cannot be parsed. */
async function readValue(path: string): Promise<Uint8Array | undefined> {
  try {
    if ((await stat(path)).size > maxValueSize) return undefined;
    return await readFile(path);
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw error;
  }
}

/** Readers see the old value or the new one, whole, even if the machine stops in between. */
async function writeValue(path: string, value: Uint8Array): Promise<void> {
  const folder = dirname(path);
  await mkdir(folder, { recursive: true, mode: 0o755 });
  const draft = join(folder, `.tmp-${basename(path)}${randomUUID()}`);
  try {
    {
      await using file = await open(draft, 'wx', 0o644);
      await file.chmod(0o644); // whatever the umask says: as Docker writes it
      await file.writeFile(value);
      await file.sync();
    }
    await rename(draft, path);
  } catch (error) {
    await rm(draft, { force: true });
    throw error;
  }
}

function isAbsent(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}
