import { randomUUID } from 'node:crypto';
import { readdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type Digest, isDigest } from '@slipway/digest';
import { makeFolder } from '@slipway/file-lock';
import type { LayerCacheEntry, LayerRecords } from './layer-records.ts';

interface KeptBlob {
  readonly path: string;
  readonly size: number;
  readonly usedAt: number;
  readonly entries: readonly LayerCacheEntry[];
}

/**
 * The layers in a cache folder: their bytes, each in a file that appears whole, by renaming, and what is recorded of
 * them. Another process may be at work in the same folder: a file may vanish at any time, which is found out.
 */
export class KeptLayers {
  readonly #folder: string;
  readonly #records: LayerRecords;
  readonly #making = new Map<string, Promise<void>>();

  constructor(folder: string, records: LayerRecords) {
    this.#folder = folder;
    this.#records = records;
  }

  /** Where a layer gathers before it has a digest. */
  newPartialPath(): string {
    return join(this.#folder, 'partial', randomUUID());
  }

  blobPath(digest: Digest): string {
    return join(this.#folder, 'blobs', digest.replace(':', '/'));
  }

  /** Makes room for what is being written, and clears away what was not written to since `before` (epoch, ms). */
  async prepare(before: number): Promise<void> {
    const partial = join(this.#folder, 'partial');
    const names = await readdir(partial).catch(() => undefined);
    if (names === undefined) await makeFolder(partial, 0o700);
    for (const name of names ?? []) {
      const status = await statusOf(join(partial, name));
      if (status !== undefined && status.mtimeMs < before) await rm(join(partial, name), { force: true });
    }
  }

  /** What is recorded of a layer whose bytes are there in full. It is forgotten where they are not. */
  async find(diffID: Digest, recipe: string, now: number): Promise<LayerCacheEntry | undefined> {
    const entry = await this.#records.get(diffID, recipe);
    if (entry === undefined) return undefined;
    if ((await statusOf(this.blobPath(entry.digest)))?.size !== entry.size) {
      await this.#records.forget(entry);
      return undefined;
    }
    await this.#records.use(entry, now).catch(() => {}); // read-only: it is readable all the same
    return entry;
  }

  /** Takes `partial` in as the bytes of `entry`. */
  async add(partial: string, entry: LayerCacheEntry): Promise<void> {
    const path = this.blobPath(entry.digest);
    try {
      await rename(partial, path);
    } catch (error) {
      if (!isAbsent(error)) throw error;
      await this.#makeFolder(dirname(path));
      await rename(partial, path);
    }
    await this.#records.put(entry);
  }

  /** Forgets a layer, and removes its bytes. */
  async remove(diffID: Digest, recipe: string): Promise<void> {
    const entry = await this.#records.get(diffID, recipe);
    if (entry === undefined) return;
    await this.#records.forget(entry);
    await rm(this.blobPath(entry.digest), { force: true });
  }

  /**
   * Removes the least recently used layers until `maxBytes` are left, but never `newest`: somebody has just made it.
   *
   * @returns bytes that are left
   */
  async evict(maxBytes: number, newest: Digest): Promise<number> {
    const blobs = await this.#blobs();
    let total = 0;
    for (const { size } of blobs.values()) total += size;
    if (total <= maxBytes) return total;
    const order = [...blobs].sort(([, a], [, b]) => a.usedAt - b.usedAt);
    for (const [digest, { path, size, entries }] of order) {
      if (total <= maxBytes) break;
      if (digest === newest) continue;
      for (const entry of entries) await this.#records.forget(entry);
      await rm(path, { force: true });
      total -= size;
    }
    return total;
  }

  /** Makes a folder once for all that miss it at a time. */
  async #makeFolder(path: string): Promise<void> {
    const making = this.#making.get(path) ?? makeFolder(path, 0o700).finally(() => this.#making.delete(path));
    this.#making.set(path, making);
    await making;
  }

  /** All bytes that are there; what is recorded without any is forgotten. */
  async #blobs(): Promise<ReadonlyMap<Digest, KeptBlob>> {
    // Asked before the folder is: whoever adds a layer records it once its bytes are there.
    const recorded = new Map<Digest, LayerCacheEntry[]>();
    for (const entry of await this.#records.all()) {
      recorded.set(entry.digest, [...(recorded.get(entry.digest) ?? []), entry]);
    }
    const blobs = new Map<Digest, KeptBlob>();
    for (const algorithm of await namesIn(join(this.#folder, 'blobs'))) {
      for (const name of await namesIn(join(this.#folder, 'blobs', algorithm))) {
        const digest = `${algorithm}:${name}`;
        if (isDigest(digest)) await this.#addBlob(blobs, digest, recorded.get(digest));
      }
    }
    for (const [digest, entries] of recorded) {
      if (!blobs.has(digest)) for (const entry of entries) await this.#records.forget(entry);
    }
    return blobs;
  }

  /** Bytes of which nothing is recorded are those of a process that is adding them, or was killed. */
  async #addBlob(
    blobs: Map<Digest, KeptBlob>,
    digest: Digest,
    entries: readonly LayerCacheEntry[] = [],
  ): Promise<void> {
    const path = this.blobPath(digest);
    const [first] = entries;
    if (first !== undefined) {
      const usedAt = Math.max(...entries.map((entry) => entry.usedAt));
      blobs.set(digest, { path, size: first.size, usedAt, entries });
      return;
    }
    const status = await statusOf(path);
    if (status !== undefined) blobs.set(digest, { path, size: status.size, usedAt: status.mtimeMs, entries });
  }
}

function isAbsent(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'ENOENT' || code === 'ENOTDIR';
}

async function namesIn(folder: string): Promise<readonly string[]> {
  return await readdir(folder).catch(() => []);
}

/** Of a file; undefined where there is none. */
async function statusOf(path: string): Promise<{ readonly size: number; readonly mtimeMs: number } | undefined> {
  const status = await stat(path).catch(() => undefined); // gone since it was listed
  return status?.isFile() ? status : undefined;
}
