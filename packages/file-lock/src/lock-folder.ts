import { constants, lstat, mkdir, open, readdir, rename, rm, rmdir, stat, unlink, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { FileLockError } from './errors.ts';
import type { ProcessIdentity } from './process-identity.ts';
import { systemCodeOf } from './system-code.ts';

/** What lies in a lock: the file of one owner. */
export interface LockEntry {
  readonly path: string;
  /** Undefined when the file does not say, because it is damaged or of another program. */
  readonly owner: ProcessIdentity | undefined;
  /** Changes whenever the owner renews the lock. */
  readonly stamp: string;
  /** By the clock of the file system. */
  readonly mtimeMs: number;
}

const maxOwnerSize = 4096;

/**
 * A lock on the disk: a folder that holds its owner's file. It is free when there is no such folder or an empty one.
 *
 * An owner prepares a folder with its file in it and renames that to the lock's name, which no system does while
 * another owner's file is there. The file has a name of its own, so deleting the file of a dead owner never hits
 * the living one that came after it.
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
        if (!isTaken) await rm(draft, { recursive: true, force: true }).catch(() => {});
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
    await this.#attempt(() => rm(path, { recursive: true, force: true }));
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
      if (entry && (await isDead(entry))) await rm(draft, { recursive: true, force: true }).catch(() => {});
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
      if (systemCodeOf(error) === 'ENOTDIR') await strangerAt(this.path);
      return false;
    }
  }

  async #entriesOf(folder: string): Promise<readonly LockEntry[]> {
    let names: readonly string[];
    try {
      names = await readdir(folder);
    } catch (error) {
      if (systemCodeOf(error) === 'ENOENT') return [];
      if (systemCodeOf(error) === 'ENOTDIR') return await strangerAt(folder);
      throw error;
    }
    const entries = await Promise.all(names.map((name) => entryAt(join(folder, name))));
    return entries.filter((entry) => entry !== undefined);
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

/** A file in the lock's place may be the lock of another program; of anything else no lock can come. */
async function strangerAt(path: string): Promise<readonly LockEntry[]> {
  const status = await lstat(path).catch((error: unknown) => absentIsUndefined(error));
  if (status !== undefined && !status.isFile()) {
    throw new FileLockError('ERR_LOCK_UNAVAILABLE', `Cannot lock ${path}: expected a folder or nothing there`);
  }
  const entry = await entryAt(path);
  return entry === undefined ? [] : [entry];
}

/** Opened, not only looked at: a network file system then asks its server how old the file is. */
async function entryAt(path: string): Promise<LockEntry | undefined> {
  try {
    await using file = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0)); // a FIFO would wait for good
    const status = await file.stat();
    const { mtimeMs, size, ino } = status;
    const text = status.isFile() && size <= maxOwnerSize ? await file.readFile('utf8') : '';
    return { path, owner: parseOwner(text), stamp: `${mtimeMs} ${size} ${ino}`, mtimeMs };
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** One object in one line, always as long for the same owner. */
function formatOwner({ space, pid, began, host }: ProcessIdentity): string {
  return `${JSON.stringify({ pid, host, space, began })}\n`;
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
