import type { BigIntStats } from 'node:fs';
import { lstat, readdir, readlink, stat } from 'node:fs/promises';
import { basename, sep } from 'node:path';
import type { AbortOptions } from '@slipway/digest';
import { fromSystemError } from '../errors.ts';
import { diskFile } from './disk-file.ts';
import { assertNoWhiteout, badEntry, entryName, type LayerEntry, textOfName } from './layer-entry.ts';
import type { ResolvedLayerOptions } from './layer-options.ts';
import { type Selection, selectionOf } from './path-filter.ts';

export interface FolderEntriesOptions extends AbortOptions {
  readonly layer: ResolvedLayerOptions;
  /** Whole seconds since 1970, where the layer names no time of its own. */
  readonly time: number;
  /** Names that mean a deletion in a layer are names like any other. @default false: they are refused */
  readonly isPlainTar?: boolean | undefined;
}

/** What was found on the disk. */
export interface DiskEntries {
  /** Whether it was a folder, and not a single file. */
  readonly isFolder: boolean;
  readonly entries: readonly LayerEntry[];
}

/** Files that are looked at together: more make no folder faster. */
const looksAtOnce = 32;

/**
 * What a folder on this machine holds, or one file, as entries of a layer, in no order. Links are kept as links, and
 * lead wherever they say.
 *
 * @throws {SourceError} `ERR_SOURCE_ENTRY` for what a layer cannot hold; `ERR_SOURCE_NOT_FOUND`,
 * `ERR_SOURCE_UNREADABLE`
 */
export async function diskEntries(path: string, options: FolderEntriesOptions): Promise<DiskEntries> {
  const { layer, signal } = options;
  signal?.throwIfAborted();
  const selection = await selectionOf(layer.include, layer.exclude);
  const top = await stat(path, { bigint: true }).catch((cause) => {
    throw fromSystemError(cause, path);
  });
  const walk = new Walk(options, selection);
  if (top.isDirectory()) {
    await walk.folder(Buffer.from(path), '');
    return { isFolder: true, entries: walk.entries };
  }
  if (!top.isFile()) throw badEntry(path, `it is ${kindOf(top)}`);
  const own = basename(path);
  if (selection.excludes(own) || !selection.includes(own)) return { isFolder: false, entries: [] };
  const name = layer.isFolder ? [layer.to, own].filter((step) => step !== '').join('/') : layer.to;
  const entry = { ...walk.file(Buffer.from(path), path, top), name: walk.checkedName(name, path) };
  return { isFolder: false, entries: [entry] };
}

class Walk {
  readonly entries: LayerEntry[] = [];
  readonly #options: FolderEntriesOptions;
  readonly #selection: Selection;
  /** Names of files that have several, by device and number. */
  readonly #linked = new Map<string, LayerEntry>();

  constructor(options: FolderEntriesOptions, selection: Selection) {
    this.#options = options;
    this.#selection = selection;
  }

  /** `within`: its path from the top of the folder. `isWanted`: a folder above it was asked for. */
  async folder(path: Buffer, within: string, isWanted = false): Promise<void> {
    const { signal } = this.#options;
    signal?.throwIfAborted();
    const shown = path.toString('utf8');
    const names = await readdir(path, { encoding: 'buffer' }).catch((cause) => {
      throw fromSystemError(cause, shown);
    });
    const wanted = names.filter((name) => !this.#selection.excludes(join(within, name.toString('utf8'))));
    for (let at = 0; at < wanted.length; at += looksAtOnce) {
      signal?.throwIfAborted();
      const found = await Promise.all(
        wanted.slice(at, at + looksAtOnce).map(async (name) => {
          const child = Buffer.concat([path, Buffer.from(sep), name]);
          return { name, child, state: await stateOf(child, shown) };
        }),
      );
      for (const { name, child, state } of found) await this.#add(name, child, state, { within, shown, isWanted });
    }
  }

  /** An entry without its place in the image. */
  file(path: Buffer, shown: string, state: BigIntStats): LayerEntry {
    return { ...this.#common(state), name: '', type: 'file', content: diskFile(path, shown, state) };
  }

  /** A name for the tar. `shown` is what messages call the file. */
  checkedName(name: string, shown: string): string {
    if (name === '') throw badEntry(shown, 'it would have no name');
    if (this.#options.isPlainTar !== true) assertNoWhiteout(name, shown);
    return entryName(name);
  }

  async #add(name: Buffer, path: Buffer, state: BigIntStats, place: Place): Promise<void> {
    const step = name.toString('utf8');
    const inside = join(place.within, step);
    const isWanted = place.isWanted || this.#selection.includes(inside);
    if (!isWanted && !state.isDirectory()) return;
    textOfName(name, place.shown);
    const shown = `${place.shown}${sep}${step}`;
    const full = this.checkedName(join(this.#options.layer.to, inside), shown);
    if (state.isDirectory()) {
      if (isWanted) this.entries.push({ ...this.#common(state), name: full, type: 'folder' });
      await this.folder(path, inside, isWanted);
    } else if (state.isSymbolicLink()) {
      const target = textOfName(await readTarget(path, shown), shown);
      this.entries.push({ ...this.#common(state), name: full, type: 'symlink', mode: 0o777, target });
    } else if (state.isFile()) {
      this.#addFile({ ...this.file(path, shown, state), name: full }, state);
    } else {
      throw badEntry(shown, `it is ${kindOf(state)}`);
    }
  }

  /** Of the names of one file, {@link arrangeEntries} makes the first the file. */
  #addFile(entry: LayerEntry, { dev, ino, nlink }: BigIntStats): void {
    const isLinked = nlink > 1n && this.#options.layer.hardLinks === 'keep';
    const key = `${dev} ${ino}`;
    const first = isLinked ? this.#linked.get(key) : undefined;
    if (first === undefined) {
      if (isLinked) this.#linked.set(key, entry);
      this.entries.push(entry);
      return;
    }
    const { content, ...rest } = entry;
    this.entries.push({ ...rest, type: 'hardlink', target: first.name });
  }

  #common(state: BigIntStats): Pick<LayerEntry, 'mode' | 'uid' | 'gid' | 'mtime'> {
    const { layer, time } = this.#options;
    const { owner, mtime } = layer;
    const { uid, gid } = owner === 'keep' ? { uid: Number(state.uid), gid: Number(state.gid) } : owner;
    const own = mtime === 'keep' ? Math.max(0, Number(state.mtimeNs / 1_000_000_000n)) : undefined;
    const set = mtime instanceof Date ? Math.floor(mtime.getTime() / 1000) : time;
    return { mode: modeOf(state, layer.mode), uid, gid, mtime: own ?? set };
  }
}

interface Place {
  readonly within: string;
  readonly shown: string;
  readonly isWanted: boolean;
}

function modeOf(state: BigIntStats, mode: ResolvedLayerOptions['mode']): number {
  const own = Number(state.mode) & 0o7777;
  // Windows has no modes: those that Node makes up would let everybody write.
  if (mode === 'keep' && process.platform !== 'win32') return own;
  const isFolder = state.isDirectory();
  if (mode === 'plain' || mode === 'keep') return isFolder || (own & 0o100) !== 0 ? 0o755 : 0o644;
  return isFolder ? mode | ((mode & 0o444) >> 2) : mode;
}

function join(folder: string, name: string): string {
  return folder === '' ? name : `${folder}/${name}`;
}

async function stateOf(path: Buffer, folder: string): Promise<BigIntStats> {
  return await lstat(path, { bigint: true }).catch((cause) => {
    throw fromSystemError(cause, `${folder}${sep}${path.subarray(path.lastIndexOf(sep) + 1).toString('utf8')}`);
  });
}

async function readTarget(path: Buffer, shown: string): Promise<Buffer> {
  return await readlink(path, { encoding: 'buffer' }).catch((cause) => {
    throw fromSystemError(cause, shown);
  });
}

/** What something is that is neither file nor folder nor link. */
export function kindOf(state: BigIntStats): string {
  if (state.isFIFO()) return 'a pipe';
  if (state.isSocket()) return 'a socket';
  return 'a device';
}
