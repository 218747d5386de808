import { createHash, randomUUID } from 'node:crypto';
import { readdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type Digest, encodedOf, type FormNotes, isDigest } from '@slipway/digest';
import { makeFolder } from '@slipway/file-lock';

/** What the cache knows about one layer. The file's time is when it was last used. */
export interface LayerCacheEntry {
  readonly digest: Digest;
  /** Bytes of the compressed layer. */
  readonly size: number;
  readonly diffID: Digest;
  readonly recipe: string;
  /** What else was said of the bytes when they were made. */
  readonly notes?: FormNotes | undefined;
}

interface Used {
  readonly path: string;
  readonly usedAt: number;
}

/**
 * The files of a cache folder. Nothing is locked: each file appears whole, by renaming, and may vanish at any time, as
 * another process may be at work in the same folder.
 */
export class LayerCacheIndex {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Where a layer gathers before it has a digest. */
  newPartialPath(): string {
    return join(this.#folder, 'partial', randomUUID());
  }

  blobPath(digest: Digest): string {
    return join(this.#folder, 'blobs', digest.replace(':', '/'));
  }

  /** Makes the folders, and clears away what was not written to since `before` (milliseconds since the epoch). */
  async prepare(before: number): Promise<void> {
    for (const name of ['partial', 'blobs', 'by-diffid']) {
      await makeFolder(join(this.#folder, name), 0o700);
    }
    for (const { path, usedAt } of await filesOf(join(this.#folder, 'partial'))) {
      if (usedAt < before) await rm(path, { force: true });
    }
  }

  /** An entry whose blob is there in full. One without is removed. */
  async find(diffID: Digest, recipe: string, now: number): Promise<LayerCacheEntry | undefined> {
    const path = this.#entryPath(diffID, recipe);
    const entry = await readEntry(path);
    if (entry === undefined) return undefined;
    // A hash may lie and a file may be moved by hand: the entry itself says what it is for.
    const isIt = entry.diffID === diffID && entry.recipe === recipe;
    if (!isIt || (await sizeOf(this.blobPath(entry.digest))) !== entry.size) {
      await rm(path, { force: true });
      return undefined;
    }
    const time = new Date(now);
    await utimes(path, time, time).catch(() => {}); // read-only or just evicted: it is readable all the same
    return entry;
  }

  /** Takes `partial` in as the blob of `entry`. */
  async add(partial: string, entry: LayerCacheEntry, now: number): Promise<void> {
    await moveTo(this.blobPath(entry.digest), partial);
    const path = this.#entryPath(entry.diffID, entry.recipe);
    const draft = this.newPartialPath();
    await writeFile(draft, `${JSON.stringify(entry)}\n`, { mode: 0o600, flag: 'wx' });
    await utimes(draft, new Date(now), new Date(now));
    await moveTo(path, draft);
  }

  /** Removes an entry and its blob. */
  async remove(diffID: Digest, recipe: string): Promise<void> {
    const path = this.#entryPath(diffID, recipe);
    const entry = await readEntry(path);
    await rm(path, { force: true });
    if (entry !== undefined) await rm(this.blobPath(entry.digest), { force: true });
  }

  /**
   * Removes the least recently used blobs until `maxBytes` are left, but never `newest`: it was just made for somebody.
   *
   * @returns bytes that are left
   */
  async evict(maxBytes: number, newest: Digest): Promise<number> {
    const blobs = await this.#blobs();
    let total = 0;
    for (const { size } of blobs.values()) total += size;
    if (total <= maxBytes) return total;

    const entries = await this.#entries();
    const order = [...blobs].map(([digest, { size, path, usedAt }]) => {
      const own = entries.get(digest) ?? [];
      // A blob without entry is one that another process is adding, or failed to add.
      return { digest, size, path, own, usedAt: own.length > 0 ? Math.max(...own.map((each) => each.usedAt)) : usedAt };
    });
    order.sort((a, b) => a.usedAt - b.usedAt);
    for (const { digest, size, path, own } of order) {
      if (total <= maxBytes) break;
      if (digest === newest) continue;
      for (const entry of own) await rm(entry.path, { force: true });
      await rm(path, { force: true });
      total -= size;
    }
    return total;
  }

  #entryPath(diffID: Digest, recipe: string): string {
    const hash = createHash('sha256').update(recipe).digest('hex');
    return join(this.#folder, 'by-diffid', hash, encodedOf(diffID));
  }

  async #blobs(): Promise<Map<Digest, Used & { readonly size: number }>> {
    const blobs = new Map<Digest, Used & { readonly size: number }>();
    for (const algorithm of await namesIn(join(this.#folder, 'blobs'))) {
      for (const file of await filesOf(join(this.#folder, 'blobs', algorithm))) {
        const digest = `${algorithm}:${file.name}`;
        if (isDigest(digest)) blobs.set(digest, file);
      }
    }
    return blobs;
  }

  async #entries(): Promise<Map<Digest, Used[]>> {
    const entries = new Map<Digest, Used[]>();
    for (const recipe of await namesIn(join(this.#folder, 'by-diffid'))) {
      for (const file of await filesOf(join(this.#folder, 'by-diffid', recipe))) {
        const entry = await readEntry(file.path);
        if (entry !== undefined) entries.set(entry.digest, [...(entries.get(entry.digest) ?? []), file]);
      }
    }
    return entries;
  }
}

/** Renames a file into a folder that is there nearly always. */
async function moveTo(path: string, from: string): Promise<void> {
  try {
    await rename(from, path);
  } catch (error) {
    if (!isAbsent(error)) throw error;
    await makeFolder(dirname(path), 0o700);
    await rename(from, path);
  }
}

function isAbsent(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'ENOENT' || code === 'ENOTDIR';
}

async function readEntry(path: string): Promise<LayerCacheEntry | undefined> {
  try {
    const status = await stat(path);
    if (!status.isFile() || status.size > 64 * 1024) return undefined; // reading a FIFO would never end
    const value: unknown = JSON.parse(await readFile(path, 'utf8'));
    return isEntry(value) ? value : undefined;
  } catch {
    return undefined; // absent or damaged: not cached, and replaced by the next layer
  }
}

function isEntry(value: unknown): value is LayerCacheEntry {
  if (typeof value !== 'object' || value === null) return false;
  const { digest, size, diffID, recipe, notes } = value as Readonly<Record<string, unknown>>;
  const isNamed = isDigest(digest) && isDigest(diffID) && Number.isSafeInteger(size) && typeof recipe === 'string';
  return isNamed && (notes === undefined || isNotes(notes));
}

function isNotes(value: unknown): value is FormNotes {
  if (typeof value !== 'object' || value === null) return false;
  const { annotations, diffID } = value as Readonly<Record<string, unknown>>;
  if (typeof annotations !== 'object' || annotations === null) return false;
  const isText = Object.values(annotations).every((text) => typeof text === 'string');
  return isText && (diffID === undefined || isDigest(diffID));
}

async function namesIn(folder: string): Promise<readonly string[]> {
  return await readdir(folder).catch(() => []);
}

async function filesOf(folder: string): Promise<readonly (Used & { readonly name: string; readonly size: number })[]> {
  const found = await Promise.all(
    (await namesIn(folder)).map(async (name) => {
      const path = join(folder, name);
      const status = await stat(path).catch(() => undefined); // gone since it was listed
      return status?.isFile() ? [{ name, path, size: status.size, usedAt: status.mtimeMs }] : [];
    }),
  );
  return found.flat();
}

async function sizeOf(path: string): Promise<number | undefined> {
  const status = await stat(path).catch(() => undefined);
  return status?.isFile() ? status.size : undefined;
}
