import {
  aContent,
  aPlainObject,
  aString,
  assertArgument,
  assertOptions,
  aText,
  either,
  isBytes,
  oneOf,
  someBytes,
  unexpected,
} from '@slipway/arguments';
import { type Content, contentOf } from '@slipway/digest';
import { assertNoWhiteout, badEntry, entryName, type LayerEntry } from './layer-entry.ts';
import { aMode, type ResolvedLayerOptions } from './layer-options.ts';
import { selectionOf } from './path-filter.ts';

/**
 * A file of a layer by its content; a text is written as UTF-8. Bytes are not copied: do not change them afterwards.
 */
export type FileInMemory =
  | string
  | Uint8Array
  | Content
  | { readonly type?: 'file' | undefined; readonly content: string | Uint8Array | Content; readonly mode?: number }
  | { readonly type: 'folder'; readonly mode?: number }
  /** `target` as it is to be written. */
  | { readonly type: 'symlink'; readonly target: string }
  /** `target` is the key of another file. */
  | { readonly type: 'hardlink'; readonly target: string };

/** Files by their paths below the layer's `to`. */
export type FilesInMemory = Readonly<Record<string, FileInMemory>>;

const aContentInMemory = either(aString, someBytes, aContent);

/**
 * Refuses what is no file.
 * @throws {ArgumentError} `ERR_ARGUMENT`; {@link SourceError} `ERR_SOURCE_ENTRY` for a path
 */
export function assertFiles(files: FilesInMemory): void {
  const paths = new Set<string>();
  for (const [path, file] of Object.entries(files)) {
    const name = entryName(path);
    if (name === '') throw badEntry(path, 'it has no name');
    assertNoWhiteout(name, path);
    if (paths.has(name)) throw badEntry(path, 'it is there twice');
    paths.add(name);
    assertFile(`files[${JSON.stringify(path)}]`, file);
  }
}

/** What somebody gave, as long as nobody has looked: `type` and `mode` may be left out. */
type Given<Name extends string> = { readonly [N in Name]: N extends 'type' | 'mode' ? unknown : object };

function assertFile(argument: string, file: unknown): void {
  if (aContentInMemory.is(file)) return;
  assertArgument(argument, file, either(aContentInMemory, aPlainObject));
  const { type = 'file' } = file as { readonly type?: unknown };
  const optional = { type: oneOf('file', 'folder', 'symlink', 'hardlink'), mode: aMode };
  if (type === 'symlink' || type === 'hardlink')
    assertOptions(argument, file as Given<'type' | 'mode' | 'target'>, { required: { target: aText }, optional });
  else if (type === 'folder') assertOptions(argument, file as Given<'type' | 'mode'>, { optional });
  else if (type === 'file')
    assertOptions(argument, file as Given<'type' | 'mode' | 'content'>, {
      required: { content: aContentInMemory },
      optional,
    });
  else throw unexpected(`${argument}.type`, optional.type.name, type);
}

/** Files in memory as entries of a layer, in no order. */
export async function memoryEntries(
  files: FilesInMemory,
  layer: ResolvedLayerOptions,
  time: number,
): Promise<readonly LayerEntry[]> {
  const { owner, mtime, mode, to } = layer;
  const { includes, excludes } = await selectionOf(layer.include, layer.exclude);
  const { uid, gid } = owner === 'keep' ? { uid: 0, gid: 0 } : owner;
  const seconds = mtime instanceof Date ? Math.floor(mtime.getTime() / 1000) : time;
  const below = (path: string): string => [to, entryName(path)].filter((step) => step !== '').join('/');
  return Object.entries(files).flatMap(([path, given]): LayerEntry[] => {
    const within = entryName(path);
    if (!isSelected(within, includes) || isSelected(within, excludes)) return [];
    const file = aContentInMemory.is(given) ? { content: given as string | Uint8Array | Content } : given;
    const { type = 'file', content, target, mode: own } = file as EveryMember;
    const entry = { name: below(path), uid, gid, mtime: seconds, type };
    const isFolder = type === 'folder';
    const fallback = typeof mode === 'number' ? mode | (isFolder ? (mode & 0o444) >> 2 : 0) : isFolder ? 0o755 : 0o644;
    switch (type) {
      case 'symlink':
        return [{ ...entry, mode: 0o777, target: target ?? '' }];
      case 'hardlink':
        return [{ ...entry, mode: fallback, target: below(target ?? '') }];
      case 'folder':
        return [{ ...entry, mode: own ?? fallback }];
      default:
        return [{ ...entry, mode: own ?? fallback, content: contentFrom(content ?? '') }];
    }
  });
}

interface EveryMember {
  readonly type?: LayerEntry['type'];
  readonly content?: string | Uint8Array | Content;
  readonly target?: string;
  readonly mode?: number;
}

/** What is said of a folder is said of everything in it. */
function isSelected(path: string, matches: (path: string) => boolean): boolean {
  const steps = path.split('/');
  return steps.some((_, at) => matches(steps.slice(0, at + 1).join('/')));
}

function contentFrom(content: string | Uint8Array | Content): Content {
  if (typeof content === 'string') return contentOf(new TextEncoder().encode(content));
  return isBytes(content) ? contentOf(content) : content;
}
