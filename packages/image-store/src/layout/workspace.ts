import { randomUUID } from 'node:crypto';
import { constants, copyFile, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type AbortOptions, algorithmOf, type Digest, digestStream } from '@slipway/digest';
import { acquireFileLock, type FileLock, FileLockError, makeFolder } from '@slipway/file-lock';
import { readFileChunks } from './read-file-chunks.ts';
import {
  blobName,
  cannotLink,
  isAbsent,
  linkFile,
  namesIn,
  type StoreFiles,
  sizeOf,
  takenAwayError,
} from './store-files.ts';

/**
 * A folder beside the blobs, of one process and one task: a load gathers its blobs here, a reader holds here what it
 * reads. Both are links to the blobs, so that whatever is deleted meanwhile stays there for this task and costs no
 * space twice. Its lock tells others that the process lives: it is taken before the folder is made, and released after
 * it is gone.
 */
export class Workspace implements AsyncDisposable {
  /** Laid out as an OCI layout is: `blobs/sha256/…`. */
  readonly folder: string;
  readonly #files: StoreFiles;
  readonly #lock: FileLock;
  readonly #folders = new Set<string>();
  readonly #gathered = new Map<Digest, number>();

  static async open(files: StoreFiles): Promise<Workspace> {
    const folder = join(files.workFolder, randomUUID());
    const lock = await acquireFileLock(lockOf(folder), { timeoutMs: 0 });
    try {
      await makeFolder(folder, 0o700);
      return new Workspace(folder, files, lock);
    } catch (error) {
      await lock[Symbol.asyncDispose]();
      throw error;
    }
  }

  constructor(folder: string, files: StoreFiles, lock: FileLock) {
    this.folder = folder;
    this.#files = files;
    this.#lock = lock;
  }

  /** Blobs that were brought or found for the task, each proven, with their sizes: all that it is about to rely on. */
  get gathered(): ReadonlyMap<Digest, number> {
    return this.#gathered;
  }

  path(digest: Digest): string {
    return join(this.folder, blobName(digest));
  }

  /** Where bytes gather before their digest is known. */
  newPath(): string {
    return join(this.folder, `partial-${randomUUID()}`);
  }

  /** Makes a file that gathered here, and was proven to be it, a blob. */
  async keep(path: string, digest: Digest): Promise<void> {
    const size = await sizeOf(path);
    if (size === undefined) throw takenAwayError(path, digest);
    await rename(path, await this.#prepared(digest));
    this.#gathered.set(digest, size);
  }

  async #prepared(digest: Digest): Promise<string> {
    const path = this.path(digest);
    const folder = dirname(path);
    if (!this.#folders.has(folder)) await makeFolder(folder, 0o700);
    this.#folders.add(folder);
    return path;
  }

  /** Whether a blob of this size was gathered. */
  holdsBlob(digest: Digest, size: number): boolean {
    return this.#gathered.get(digest) === size;
  }

  /** Holds a blob of the store, if it is there: it cannot vanish any more. */
  async hold(digest: Digest): Promise<boolean> {
    const path = await this.#prepared(digest);
    const blob = this.#files.blobPath(digest);
    return await linkFile(blob, path).catch(async (error: unknown) => {
      if (!cannotLink(error)) throw error;
      return await copied(blob, path);
    });
  }

  /**
   * Holds a blob of the store that is there in full, and reads it to prove it: one that is damaged is to be brought
   * anew.
   */
  async holdProven(digest: Digest, size: number, { signal }: AbortOptions = {}): Promise<boolean> {
    if (!(await this.hold(digest))) return false;
    const path = this.path(digest);
    if ((await sizeOf(path)) === size && (await isProven(path, digest, signal))) {
      this.#gathered.set(digest, size);
      return true;
    }
    await rm(path, { force: true });
    return false;
  }

  /** Notes a blob by name only. */
  async note(digest: Digest): Promise<void> {
    await writeFile(await this.#prepared(digest), '');
  }

  /** What lies here, by its names: also what a process that died had gathered, held or noted. */
  async digests(): Promise<readonly Digest[]> {
    const found: Digest[] = [];
    const blobs = join(this.folder, 'blobs');
    for (const algorithm of await namesIn(blobs)) {
      for (const name of await namesIn(join(blobs, algorithm))) found.push(`${algorithm}:${name}` as Digest);
    }
    return found;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.folder, { recursive: true, force: true }).catch(() => {}); // swept when the store is next opened
    await this.#lock[Symbol.asyncDispose]();
  }
}

/** The workspaces of processes that died. Each is ours from now on. */
export async function* abandonedWorkspaces(files: StoreFiles): AsyncGenerator<Workspace, void, void> {
  const folders = new Set<string>();
  for (const name of await readdir(files.workFolder)) {
    if (!name.includes('.lock.draft-')) folders.add(join(files.workFolder, name.replace(/\.lock$/, '')));
  }
  for (const folder of folders) {
    const lock = await acquireFileLock(lockOf(folder), { timeoutMs: 0 }).catch(inUseIsUndefined);
    if (lock !== undefined) yield new Workspace(folder, files, lock);
  }
}

function lockOf(folder: string): string {
  return `${folder}.lock`;
}

/** Somebody is at work in it; or the file system is read-only, and it stays. */
function inUseIsUndefined(error: unknown): undefined {
  if (!(error instanceof FileLockError)) throw error;
}

async function isProven(path: string, digest: Digest, signal: AbortSignal | undefined): Promise<boolean> {
  const bytes = readFileChunks(path, { signal, reuse: true });
  return (await digestStream(bytes, { signal, algorithm: algorithmOf(digest) })).digest === digest;
}

async function copied(path: string, newPath: string): Promise<boolean> {
  try {
    await copyFile(path, newPath, constants.COPYFILE_FICLONE);
    return true;
  } catch (error) {
    if (isAbsent(error)) return false;
    throw error;
  }
}
