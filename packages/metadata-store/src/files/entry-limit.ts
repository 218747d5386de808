import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { draftStart } from './file-entry.ts';

/** Writes between two looks at a namespace. */
const writesBetween = 500;

/** How much of the limit is kept when it was passed, so that it is not passed again by the next write. */
const keptShare = 0.9;

/** Drafts that are so much older than the newest entry have no writer any more. */
const abandonedMs = 60 * 60 * 1000;

export interface EntryLimitOptions {
  readonly folder: string;
  /** Entries of a namespace, about: short programs that write little look seldom. */
  readonly maxEntries: number;
  /** 0 to 1. @default Math.random */
  readonly random?: (() => number) | undefined;
}

/**
 * Keeps the number of files in a namespace bounded: the oldest go. Looking costs a listing, so it is done after some
 * hundred writes; where in that a process begins is left to chance, so that many short ones do it too, together.
 */
export class EntryLimit {
  readonly #folder: string;
  readonly #maxEntries: number;
  #untilLook: number;
  #clearing: Promise<void> = Promise.resolve();

  constructor({ folder, maxEntries, random = Math.random }: EntryLimitOptions) {
    this.#folder = folder;
    this.#maxEntries = maxEntries;
    this.#untilLook = 1 + Math.floor(random() * writesBetween);
  }

  /** Counts a write; after enough of them the namespace is cleared up, in the background. */
  count(namespace: string): void {
    if (this.#maxEntries === Number.POSITIVE_INFINITY) return;
    this.#untilLook -= 1;
    if (this.#untilLook > 0) return;
    this.#untilLook = writesBetween;
    const previous = this.#clearing;
    this.#clearing = previous.then(() => this.#clear(namespace)).catch(() => {}); // what cannot be cleared stays
  }

  /** Waits until nothing is being cleared up any more. */
  async settled(): Promise<void> {
    await this.#clearing;
  }

  async #clear(namespace: string): Promise<void> {
    const paths = await filesIn(join(this.#folder, namespace));
    if (paths.length <= this.#maxEntries) return;
    const files: { readonly path: string; readonly mtimeMs: number }[] = [];
    for (const path of paths) {
      const status = await stat(path).catch(() => undefined); // gone since it was listed
      if (status !== undefined) files.push({ path, mtimeMs: status.mtimeMs });
    }
    files.sort((a, b) => b.mtimeMs - a.mtimeMs);
    const newestMs = files[0]?.mtimeMs ?? 0;
    const entries = files.filter(({ path }) => !isDraft(path));
    const drafts = files.filter(({ path, mtimeMs }) => isDraft(path) && newestMs - mtimeMs > abandonedMs);
    const spare = entries.slice(Math.floor(this.#maxEntries * keptShare));
    for (const { path } of [...spare, ...drafts]) await rm(path, { force: true });
  }
}

/** Every file below a folder, with its path; nothing when there is no such folder. */
export async function filesIn(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && absentCodes.has(error.code)) return [];
    throw error;
  });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}

const absentCodes: ReadonlySet<unknown> = new Set(['ENOENT', 'ENOTDIR']);

function isDraft(path: string): boolean {
  return path.slice(path.lastIndexOf('/') + 1).startsWith(draftStart);
}
