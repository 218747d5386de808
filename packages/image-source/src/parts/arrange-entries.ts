import { contentOf } from '@slipway/digest';
import { badEntry, entryName, type LayerEntry, opaqueWhiteout, whiteoutPrefix } from './layer-entry.ts';
import type { Owner } from './layer-options.ts';

export interface ArrangeOptions {
  /** Name of the folder that the layer goes into; empty for the root. */
  readonly to: string;
  /** Whether `to` is a folder, which is there even if nothing goes into it. */
  readonly isFolder: boolean;
  /** Of folders in `to` that nobody has described, and of `to` itself. */
  readonly owner: Owner;
  /** Whole seconds since 1970. */
  readonly time: number;
  /** Paths that the layer deletes. */
  readonly remove: readonly string[];
}

/**
 * Folders that every distribution has with a mode of their own: a layer that goes deeper mentions them, and would
 * change them.
 */
const modesOfKnownFolders: ReadonlyMap<string, number> = new Map([
  ['tmp', 0o1777],
  ['var/tmp', 0o1777],
  ['root', 0o700],
]);

/**
 * The entries in the order of their names' bytes, each after its folder, with the folders above them and the marks of
 * what is deleted. Folders above are needed: runtimes unpack each layer by itself, and differ in what a missing folder
 * becomes.
 *
 * @throws {SourceError} `ERR_SOURCE_ENTRY` where two are in each other's way
 */
export function arrangeEntries(entries: readonly LayerEntry[], options: ArrangeOptions): readonly LayerEntry[] {
  const byName = new Map<string, LayerEntry>();
  for (const entry of [...entries, ...deletions(options)]) {
    if (byName.has(entry.name)) throw badEntry(entry.name, 'the layer has it twice');
    byName.set(entry.name, entry);
  }
  const made = new Set<string>();
  for (const { name } of [...byName.values()]) addFoldersAbove(name, byName, made, options);
  if (options.isFolder && options.to !== '') addFoldersAbove(`${options.to}/`, byName, made, options);
  for (const path of options.remove) {
    if (!path.endsWith('/') && byName.has(entryName(path)))
      throw badEntry(path, 'the layer removes it and adds it; to empty a folder, write it with "/" behind');
  }
  return linksAfterFiles(inOrder([...byName.values()]));
}

/** The entries in the order of their names' bytes: each after its folder. */
export function inOrder(entries: readonly LayerEntry[]): readonly LayerEntry[] {
  const keyed = entries.map((entry) => ({ entry, key: Buffer.from(entry.name) }));
  keyed.sort((a, b) => Buffer.compare(a.key, b.key));
  return keyed.map(({ entry }) => entry);
}

function deletions({ remove, time }: ArrangeOptions): readonly LayerEntry[] {
  return remove.map((path) => {
    const name = entryName(path);
    if (name === '') throw badEntry(path, 'the root of an image cannot be deleted');
    const at = name.lastIndexOf('/') + 1;
    const mark = path.endsWith('/')
      ? `${name}/${opaqueWhiteout}`
      : `${name.slice(0, at)}${whiteoutPrefix}${name.slice(at)}`;
    return { name: mark, type: 'file', mode: 0, uid: 0, gid: 0, mtime: time, content: contentOf(new Uint8Array(0)) };
  });
}

/** `made`: folders that this has added, with all above them. */
function addFoldersAbove(
  name: string,
  byName: Map<string, LayerEntry>,
  made: Set<string>,
  { to, owner, time }: ArrangeOptions,
): void {
  for (let at = name.lastIndexOf('/'); at > 0; at = name.lastIndexOf('/', at - 1)) {
    const folder = name.slice(0, at);
    if (made.has(folder)) return;
    const there = byName.get(folder);
    if (there !== undefined && there.type !== 'folder')
      throw badEntry(name, `${JSON.stringify(folder)}, above it, is a ${there.type}`);
    if (there !== undefined) continue;
    const isInside = to !== '' && (folder === to || folder.startsWith(`${to}/`));
    const { uid, gid } = isInside ? owner : { uid: 0, gid: 0 };
    const mode = modesOfKnownFolders.get(folder) ?? 0o755;
    made.add(folder);
    byName.set(folder, { name: folder, type: 'folder', mode, uid, gid, mtime: time });
  }
}

/** Of all names of one file the first is the file: a hard link has to lead to what was unpacked before. */
function linksAfterFiles(entries: readonly LayerEntry[]): readonly LayerEntry[] {
  if (!entries.some(({ type }) => type === 'hardlink')) return entries;
  const byName = new Map(entries.map((entry) => [entry.name, entry]));
  const firstNames = new Map<LayerEntry, string>();
  return entries.map((entry) => {
    if (entry.type !== 'hardlink' && entry.type !== 'file') return entry;
    const file = fileOf(entry, byName);
    const first = firstNames.get(file);
    const { name } = entry;
    if (first === undefined) firstNames.set(file, name);
    if (first === undefined) return { ...file, name };
    const { content, ...rest } = file;
    return { ...rest, name, type: 'hardlink', target: first };
  });
}

function fileOf(entry: LayerEntry, byName: ReadonlyMap<string, LayerEntry>): LayerEntry {
  const seen = new Set<LayerEntry>();
  let at: LayerEntry | undefined = entry;
  while (at?.type === 'hardlink' && !seen.has(at)) {
    seen.add(at);
    at = byName.get(at.target ?? '');
  }
  if (at?.type === 'file') return at;
  throw badEntry(entry.name, `it is a hard link to ${JSON.stringify(entry.target)}, which is no file of this layer`);
}
