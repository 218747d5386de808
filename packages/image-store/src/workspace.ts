import { createHash, randomUUID } from 'node:crypto';
import { constants, copyFile, mkdir, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { dirname, join } from 'node:path';
import type { Digest } from '@slipway/digest';
import { blobName, cannotLink, isAbsent, linkFile, type StoreFiles, sizeOf } from './store-files.ts';

/** A workspace of another machine, or of one whose process cannot be looked up, is given up after so long. */
const abandonedMs = 7 * 24 * 60 * 60 * 1000;

/**
 * A folder beside the blobs, of one process and one task: a load gathers its blobs here, a reader holds here what it reads.
 * Both are links to the blobs, so that whatever is deleted meanwhile stays there for this task and costs no space twice.
 */
export class Workspace implements AsyncDisposable {
  /** Laid out as an OCI layout is: `blobs/sha256/…`. */
  readonly folder: string;
  readonly #files: StoreFiles;
  readonly #folders = new Set<string>();

  static async open(files: StoreFiles): Promise<Workspace> {
    const folder = join(files.workFolder, `${process.pid}-${machineName()}-${randomUUID()}`);
    await mkdir(folder, { mode: 0o700 });
    return new Workspace(folder, files);
  }

  constructor(folder: string, files: StoreFiles) {
    this.folder = folder;
    this.#files = files;
  }

  path(digest: Digest): string {
    return join(this.folder, blobName(digest));
  }

  /** Where bytes gather before their digest is known. */
  newPath(): string {
    return join(this.folder, `partial-${randomUUID()}`);
  }

  /** Makes a file that gathered here a blob. */
  async keep(path: string, digest: Digest): Promise<void> {
    await rename(path, await this.#prepared(digest));
  }

  async #prepared(digest: Digest): Promise<string> {
    const path = this.path(digest);
    const folder = dirname(path);
    if (!this.#folders.has(folder)) await mkdir(folder, { recursive: true, mode: 0o700 });
    this.#folders.add(folder);
    return path;
  }

  /** Whether a blob of this size is here. */
  async holdsBlob(digest: Digest, size: number): Promise<boolean> {
    return (await sizeOf(this.path(digest))) === size;
  }

  /** Holds a blob of the store, if there is one of this size: it cannot vanish any more. */
  async hold(digest: Digest, size?: number): Promise<boolean> {
    const path = await this.#prepared(digest);
    const blob = this.#files.blobPath(digest);
    const isHeld = await linkFile(blob, path).catch(async (error: unknown) => {
      if (!cannotLink(error)) throw error;
      return await copied(blob, path);
    });
    if (!isHeld) return false;
    if (size === undefined || (await sizeOf(path)) === size) return true;
    await rm(path, { force: true }); // damaged: as good as not there
    return false;
  }

  /** Notes a blob by name only. */
  async note(digest: Digest): Promise<void> {
    await writeFile(await this.#prepared(digest), '');
  }

  /** What has been gathered, held or noted; nothing when somebody else has cleared this workspace away. */
  async digests(): Promise<readonly Digest[]> {
    const found: Digest[] = [];
    const blobs = join(this.folder, 'blobs');
    for (const algorithm of await readdir(blobs).catch(() => [])) {
      for (const name of await readdir(join(blobs, algorithm)).catch(() => [])) {
        found.push(`${algorithm}:${name}` as Digest);
      }
    }
    return found;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.folder, { recursive: true, force: true }).catch(() => {}); // swept when the store is next opened
  }
}

/** The workspaces of processes that died. */
export async function abandonedWorkspaces(files: StoreFiles, now: number): Promise<readonly Workspace[]> {
  const found: Workspace[] = [];
  for (const name of await readdir(files.workFolder)) {
    const folder = join(files.workFolder, name);
    if (await isAbandoned(name, folder, now)) found.push(new Workspace(folder, files));
  }
  return found;
}

async function isAbandoned(name: string, folder: string, now: number): Promise<boolean> {
  const [pid = '', machine] = name.split('-');
  if (machine === machineName() && /^\d+$/.test(pid) && !isAlive(Number(pid))) return true;
  const status = await stat(folder).catch(() => undefined);
  return status !== undefined && now - status.mtimeMs > abandonedMs;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'; // alive, and somebody else's
  }
}

/** Process IDs mean something on one machine only. */
function machineName(): string {
  return createHash('sha256').update(hostname()).digest('hex').slice(0, 12);
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
