import { randomUUID } from 'node:crypto';
import { open, readdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { makeFolder } from '@slipway/file-lock';
import { FileRefusedError, readFileWithin } from '@slipway/read-file';
import { MetadataStoreError } from '../errors.ts';
import { entryPath } from '../files/entry-path.ts';
import type { KeyValueBackend, ValueChange } from '../keyed/key-value-backend.ts';

export interface DockerFolderOptions {
  /** `/var/lib/docker/image/overlay2/distribution` on most machines. */
  readonly folder: string;
  /** Whether anything may be changed there. @default false */
  readonly isWritable?: boolean | undefined;
}

/** Fifty records need 16 KiB. */
const maxValueSize = 1024 * 1024;

/**
 * Opens the folder in which Docker's daemon keeps its metadata, one file a key, as it makes them: folders of 0755,
 * files of 0644, each written beside and renamed. Nothing is made there but those files, and nothing at all unless
 * `isWritable`.
 *
 * The daemon reads a file whenever it needs it, so it may run meanwhile, and sees what is written. It takes no lock: of
 * two changes to one layer at one moment the later one stays, and a record may be forgotten.
 *
 * @throws {MetadataStoreError} `ERR_STORE_UNAVAILABLE` when it is no folder that can be read
 * @see https://github.com/moby/moby/blob/v28.0.0/distribution/metadata/metadata.go
 */
export async function openDockerFolder({ folder, isWritable = false }: DockerFolderOptions): Promise<KeyValueBackend> {
  try {
    await readdir(folder);
  } catch (cause) {
    throw unavailable('read', folder, cause);
  }
  return new DockerFolder(folder, isWritable);
}

class DockerFolder implements KeyValueBackend {
  readonly #folder: string;
  readonly #isWritable: boolean;
  /** Changes of this process, one after the other. */
  #last: Promise<void> = Promise.resolve();

  constructor(folder: string, isWritable: boolean) {
    this.#folder = folder;
    this.#isWritable = isWritable;
  }

  async get(namespace: string, key: string): Promise<Uint8Array | undefined> {
    try {
      return await readValue(this.#pathOf(namespace, key));
    } catch (cause) {
      throw unavailable('read', this.#folder, cause);
    }
  }

  async set(namespace: string, key: string, value: Uint8Array): Promise<void> {
    await this.update(namespace, key, () => value);
  }

  async delete(namespace: string, key: string): Promise<void> {
    await this.update(namespace, key, () => undefined);
  }

  async update(namespace: string, key: string, change: ValueChange): Promise<void> {
    const path = this.#pathOf(namespace, key);
    if (!this.#isWritable) return;
    const turn = this.#last.then(async () => {
      const before = await readValue(path);
      const after = change(before);
      if (after === before) return;
      if (after === undefined) await rm(path, { force: true });
      else await writeValue(path, after);
    });
    this.#last = turn.catch(() => {}); // the caller hears of it
    try {
      await turn;
    } catch (cause) {
      throw unavailable('write', this.#folder, cause);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#last;
  }

  #pathOf(namespace: string, key: string): string {
    return entryPath(this.#folder, namespace, key);
  }
}

async function readValue(path: string): Promise<Uint8Array | undefined> {
  try {
    return await readFileWithin(path, { maxBytes: maxValueSize });
  } catch (error) {
    if (error instanceof FileRefusedError) return undefined; // nothing that Docker writes
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}

async function writeValue(path: string, value: Uint8Array): Promise<void> {
  const folder = dirname(path);
  await makeFolder(folder, 0o755);
  const draft = join(folder, `.tmp-${basename(path)}${randomUUID()}`);
  try {
    {
      await using file = await open(draft, 'wx', 0o644);
      await file.chmod(0o644); // whatever the umask says
      await file.writeFile(value);
      await file.sync();
    }
    await rename(draft, path);
  } catch (error) {
    await rm(draft, { force: true });
    throw error;
  }
}

function unavailable(what: 'read' | 'write', folder: string, cause: unknown): unknown {
  if (!(cause instanceof Error) || cause instanceof TypeError) return cause;
  const code = 'code' in cause ? cause.code : undefined;
  const advice = code === 'EACCES' || code === 'EPERM' ? '; it belongs to root, as the daemon does' : '';
  const message = `Cannot ${what} Docker's metadata in ${folder}: ${cause.message}${advice}`;
  return new MetadataStoreError('ERR_STORE_UNAVAILABLE', message, { cause });
}
