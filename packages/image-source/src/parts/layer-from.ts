import { aPlainObject, assertArgument, aText, kind } from '@slipway/arguments';
import { type AbortOptions, type ByteStream, type Content, digestStream } from '@slipway/digest';
import type { HistoryEntry } from '@slipway/manifest';
import { SourceError } from '../errors.ts';
import type { SourceLayer } from '../image-source.ts';
import { type ArrangeOptions, arrangeEntries } from './arrange-entries.ts';
import { diskEntries } from './folder-entries.ts';
import { aGivenTar, type GivenTar, isTarStream, openTar, plainTar } from './given-tar.ts';
import {
  assertTarOptions,
  type LayerOptions,
  type ResolvedLayerOptions,
  resolveLayerOptions,
} from './layer-options.ts';
import { assertFiles, type FilesInMemory, memoryEntries } from './memory-entries.ts';
import { tarContent } from './tar-content.ts';

export interface OpenLayerOptions extends AbortOptions {
  /** Of entries and history, where the layer names no time of its own. @default 1970-01-01T00:00:00Z */
  readonly time?: Date | undefined;
  /** Where a tar is written that comes as a stream. @default the system's temporary folder */
  readonly spoolFolder?: string | undefined;
  /** Told once before bytes are spooled to disk, with what and where. */
  readonly onSpool?: ((spool: { readonly name: string; readonly path: string }) => void) | undefined;
}

/** A layer as it will be: nothing is read before it is opened. */
export interface LayerRecipe {
  /**
   * Looks at the files, and reads them once for the diffID. What is handed out reads them again, and is the same each
   * time.
   *
   * @throws {SourceError} `ERR_SOURCE_ENTRY`, `ERR_SOURCE_NOT_FOUND`, `ERR_SOURCE_UNREADABLE`, `ERR_SOURCE_CHANGED`; of
   * a tar `ERR_SOURCE_INVALID`, `ERR_SOURCE_SPOOL`, `ERR_SOURCE_CONSUMED`
   */
  open(options?: OpenLayerOptions): Promise<OpenedLayer>;
}

/** A layer whose diffID is known; its content stays readable until it is disposed. */
export interface OpenedLayer extends AsyncDisposable {
  readonly layer: SourceLayer;
  /** Bytes of the plain tar. */
  readonly size: number;
  /** The step of the image's history that made it. */
  readonly history: HistoryEntry;
}

/**
 * A layer of files: a folder or a file on this machine, files in memory, or a tar, which goes as it is. From the same
 * files comes the same tar, whatever the machine: entries in the order of their bytes, owner 0:0 and one time, if
 * nothing else is wanted; long names and links kept. Extended attributes, ACLs and holes are left out, sockets, pipes
 * and devices refused.
 *
 * @throws {ArgumentError} `ERR_ARGUMENT`
 * @throws {SourceError} `ERR_SOURCE_ENTRY` for paths that no layer can hold
 * @example
 * layerFrom('dist', { to: '/app', exclude: ['*.map'] });
 * layerFrom({ 'etc/app.json': JSON.stringify(settings), 'run/': { type: 'folder', mode: 0o1777 } });
 */
export function layerFrom(
  source: string | FilesInMemory | Uint8Array | Content | ByteStream,
  options: LayerOptions = {},
): LayerRecipe {
  if (aGivenTar.is(source)) return tarRecipe(source as GivenTar, options);
  assertArgument('source', source, someFiles);
  const resolved = resolveLayerOptions(options);
  if (typeof source !== 'string') assertFiles(source as FilesInMemory);
  return {
    open: async (opening = {}) => {
      const time = secondsOf(resolved, opening);
      const { signal } = opening;
      const found =
        typeof source === 'string'
          ? await diskEntries(source, { layer: resolved, time, signal })
          : { isFolder: true, entries: await memoryEntries(source as FilesInMemory, resolved, time) };
      const content = tarContent(arrangeEntries(found.entries, arrangement(resolved, found.isFolder, time)));
      const { digest } = await digestStream(content.open({ signal, reuse: true }), { signal });
      return {
        layer: { diffID: digest, content, compression: 'none', descriptor: undefined },
        size: content.size,
        history: historyOf(options, time),
        [Symbol.asyncDispose]: async () => {},
      };
    },
  };
}

const someFiles = kind(
  'a path, a plain object of files, or a tar as a Uint8Array, content with `size` and `open()`, or a stream',
  (value) => aText.is(value) || aPlainObject.is(value),
);

function arrangement({ to, owner, remove }: ResolvedLayerOptions, isFolder: boolean, time: number): ArrangeOptions {
  return { to, isFolder, owner: owner === 'keep' ? { uid: 0, gid: 0 } : owner, time, remove };
}

function tarRecipe(tar: GivenTar, options: LayerOptions): LayerRecipe {
  assertTarOptions(options);
  const isStream = isTarStream(tar);
  let isRead = false;
  return {
    open: async (opening = {}) => {
      if (isStream && isRead) {
        throw new SourceError('ERR_SOURCE_CONSUMED', 'Cannot open the layer again: its stream was read before');
      }
      isRead = true;
      const opened = await openTar(tar, opening);
      try {
        const { signal } = opening;
        const { digest, size } = await digestStream(plainTar(opened, { signal }), { signal });
        return {
          layer: { diffID: digest, content: opened.content, compression: opened.compression, descriptor: undefined },
          size,
          history: historyOf(options, Math.floor((opening.time?.getTime() ?? 0) / 1000)),
          [Symbol.asyncDispose]: () => opened[Symbol.asyncDispose](),
        };
      } catch (error) {
        await opened[Symbol.asyncDispose]();
        throw error;
      }
    },
  };
}

function secondsOf({ mtime }: ResolvedLayerOptions, { time }: OpenLayerOptions): number {
  const date = mtime instanceof Date ? mtime : time;
  return date === undefined ? 0 : Math.floor(date.getTime() / 1000);
}

function historyOf({ createdBy = 'slipway', comment }: LayerOptions, time: number): HistoryEntry {
  const created = new Date(time * 1000).toISOString().replace('.000Z', 'Z');
  return { created, created_by: createdBy, ...(comment === undefined ? {} : { comment }) };
}
