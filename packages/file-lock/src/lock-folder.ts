import { constants, lstat, mkdir, open, readdir, rename, rmdir, stat, unlink, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { FileLockError } from './errors.ts';
import type { ProcessIdentity } from './process-identity.ts';
import { systemCodeOf } from './system-code.ts';

/** What lies in a lock: the file of one owner. */
export interface LockEntry {
  readonly path: string;
  /** Undefined when the file does not say: a machine that loses power may leave it empty, or half of it. */
  readonly owner: ProcessIdentity | undefined;
  /** Changes whenever the owner renews the lock. */
  readonly stamp: string;
  /** By the clock of the file system. */
  readonly mtimeMs: number;
}

const maxOwnerSize = 4096;

/** A token; and what network and user file systems call a file for as long as one that is deleted is still open. */
const ownerNames = /^(?:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|\.nfs[0-9a-f]+|\.fuse_hidden[0-9a-f]+)$/i;

/** How every owner's file begins. */
const ownerStart = '{"pid":';

/**
 * A lock on the disk: a folder that holds its owner's file. It is free when there is no such folder or an empty one.
 *
 * An owner prepares a folder with its file in it and renames that to the lock's name, which no system does while
 * another owner's file is there. The file has a name of its own, so deleting the file of a dead owner never hits
 * the living one that came after it. Nothing is ever deleted but files of owners, one by one, and empty folders.
 */
export class LockFolder {
  readonly path: string;

  constructor(path: string) {
    this.path = path;
  }

  /** Where the owner with this token keeps its file. */
  fileOf(token: string): string {
    return join(this.path, token);
  }

  /** Who holds the lock. @throws {FileLockError} `ERR_LOCK_UNAVAILABLE` */
  async entries(): Promise<readonly LockEntry[]> {
    return await this.#attempt(async () => await this.#entriesOf(this.path));
  }

  /** Takes the lock if it is free, and tells whether it did. @throws {FileLockError} `ERR_LOCK_UNAVAILABLE` */
  async enter(token: string, owner: ProcessIdentity): Promise<boolean> {
    return await this.#attempt(async () => {
      const draft = this.#draftOf(token);
      await mkdir(draft, { mode: 0o755 });
      let isTaken = false;
      try {
        await writeFile(join(draft, token), formatOwner(owner), { flag: 'wx', mode: 0o644 });
        isTaken = await this.#renamed(draft, token);
      } finally {
        if (!isTaken) await clear(draft, [join(draft, token)]);
      }
      if (!isTaken) await rmdir(this.path).catch(() => {}); // Windows does not rename onto an empty folder
      return isTaken;
    });
  }

  /** Writes the owner's file again, so that all see that it lives. False when the file is gone: somebody took over. */
  async renew(token: string, owner: ProcessIdentity): Promise<boolean> {
    try {
      await using file = await open(this.fileOf(token), 'r+');
      // The same bytes in the same place: readers never see half of them, and a full disk has room for them.
      await file.write(formatOwner(owner), 0);
      return true;
    } catch (error) {
      return systemCodeOf(error) !== 'ENOENT'; // any other failure may pass; it is renewed again soon
    }
  }

  /** @throws when the file system does not say */
  async isHeldBy(token: string): Promise<boolean> {
    return await this.#attempt(() => exists(this.fileOf(token)));
  }

  async leave(token: string): Promise<void> {
    await unlink(this.fileOf(token)).catch(() => {}); // taken over, or out of reach: then it counts as abandoned soon
    await rmdir(this.path).catch(() => {}); // another owner came in between
  }

  /** Deletes the file of an owner that is dead. Several processes may do so at once. */
  async evict({ path }: LockEntry): Promise<void> {
    await this.#attempt(() => unlink(path).catch(absentIsUndefined));
  }

  /**
   * What time it is for the file system, whose clock may be that of another machine. Undefined when it does not say.
   */
  async now(token: string): Promise<number | undefined> {
    const probe = this.#draftOf(token);
    try {
      await mkdir(probe, { mode: 0o755 });
      return (await stat(probe)).mtimeMs;
    } catch {
      return undefined;
    } finally {
      await rmdir(probe).catch(() => {});
    }
  }

  /** Deletes what owners left that died before they had the lock. */
  async clearDrafts(isDead: (entry: LockEntry) => Promise<boolean>): Promise<void> {
    const start = `${basename(this.path)}.draft-`;
    for (const name of await readdir(dirname(this.path)).catch(() => [])) {
      if (!name.startsWith(start)) continue;
      const draft = join(dirname(this.path), name);
      const [entry] = await this.#entriesOf(draft).catch(() => []);
      if (entry && (await isDead(entry))) await clear(draft, [entry.path]);
    }
  }

  #draftOf(token: string): string {
    return `${this.path}.draft-${token}`;
  }

  async #renamed(draft: string, token: string): Promise<boolean> {
    try {
      await rename(draft, this.path);
      return true;
    } catch (error) {
      // A network file system may repeat a request whose answer was lost: what counts is where the file is.
      if (await exists(this.fileOf(token))) return true;
      if (!takenCodes.has(systemCodeOf(error))) throw error;
      if (systemCodeOf(error) === 'ENOTDIR') await this.#refuseStranger();
      return false;
    }
  }

  async #entriesOf(folder: string): Promise<readonly LockEntry[]> {
    let names: readonly string[];
    try {
      names = await readdir(folder);
    } catch (error) {
      if (systemCodeOf(error) === 'ENOENT') return [];
      if (systemCodeOf(error) !== 'ENOTDIR') throw error;
      await this.#refuseStranger();
      return [];
    }
    const entries = await Promise.all(names.map((name) => this.#entryAt(folder, name)));
    return entries.filter((entry) => entry !== undefined);
  }

  /** Opened, not only looked at: a network file system then asks its server how old the file is. */
  async #entryAt(folder: string, name: string): Promise<LockEntry | undefined> {
    if (!ownerNames.test(name)) throw this.#strangerIn(folder, name);
    const path = join(folder, name);
    try {
      await using file = await open(path, readFlags);
      const status = await file.stat();
      const { mtimeMs, size, ino } = status;
      const text = status.isFile() && size <= maxOwnerSize ? await file.readFile('utf8') : undefined;
      if (text === undefined || !isOfOwner(text)) throw this.#strangerIn(folder, name);
      return { path, owner: parseOwner(text), stamp: `${mtimeMs} ${size} ${ino}`, mtimeMs };
    } catch (error) {
      if (systemCodeOf(error) === 'ENOENT') return undefined;
      if (strangerCodes.has(systemCodeOf(error))) throw this.#strangerIn(folder, name);
      throw error;
    }
  }

  /** Of what is no folder no lock can come. What is gone in the meantime is none. */
  async #refuseStranger(): Promise<void> {
    const status = await lstat(this.path).catch(absentIsUndefined);
    if (status !== undefined) throw this.#stranger('expected a folder or nothing there');
  }

  #strangerIn(folder: string, name: string): FileLockError {
    return this.#stranger(`${join(folder, name)} is not the file of an owner`);
  }

  #stranger(why: string): FileLockError {
    return new FileLockError('ERR_LOCK_UNAVAILABLE', `Cannot lock ${this.path}: ${why}`);
  }

  async #attempt<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (error instanceof FileLockError || systemCodeOf(error) === undefined) throw error;
      const why = error instanceof Error ? error.message : String(error);
      throw new FileLockError('ERR_LOCK_UNAVAILABLE', `Cannot lock ${this.path}: ${why}`, { cause: error });
    }
  }
}

/** What systems say when a folder is renamed onto one that is not empty, on Windows also onto an empty one. */
const takenCodes: ReadonlySet<unknown> = new Set(['EEXIST', 'ENOTEMPTY', 'ENOTDIR', 'EPERM', 'EACCES', 'EBUSY']);

/** A FIFO would have the reader wait for good, and a link may lead anywhere. */
const readFlags = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0) | (constants.O_NOFOLLOW ?? 0);

/** What systems say when a link, a socket or a folder is opened so. */
const strangerCodes: ReadonlySet<unknown> = new Set(['ELOOP', 'EMLINK', 'EFTYPE', 'ENXIO', 'EISDIR']);

/** Deletes files, and their folder once it is empty. */
async function clear(folder: string, files: readonly string[]): Promise<void> {
  for (const file of files) await unlink(file).catch(() => {});
  await rmdir(folder).catch(() => {});
}

/** One object in one line, always as long for the same owner. */
function formatOwner({ space, pid, began, host }: ProcessIdentity): string {
  return `${JSON.stringify({ pid, host, space, began })}\n`; // begins with `ownerStart`
}

/** Whether an owner wrote this, as far as it came: the file may end early, or in zeros that were never filled. */
function isOfOwner(text: string): boolean {
  const written = text.replace(/\0+$/, '');
  return written.startsWith(ownerStart) || ownerStart.startsWith(written);
}

function parseOwner(text: string): ProcessIdentity | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const { pid, host, space, began } = value as Readonly<Record<string, unknown>>;
  if (typeof pid !== 'number' || !Number.isSafeInteger(pid) || pid <= 0) return undefined;
  return { pid, host: textOf(host) ?? '', space: textOf(space), began: textOf(began) };
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

async function exists(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT' || systemCodeOf(error) === 'ENOTDIR') return false;
    throw error;
  }
}

function absentIsUndefined(error: unknown): undefined {
  if (systemCodeOf(error) !== 'ENOENT') throw error;
}
