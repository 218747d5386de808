import { posix } from 'node:path';
import { type Content, compressionPass, createGzipCompressor, type Digest } from '@slipway/digest';
import { writeDown } from '../files/spool.ts';
import { inOrder } from '../parts/arrange-entries.ts';
import { diskEntries } from '../parts/folder-entries.ts';
import type { LayerEntry } from '../parts/layer-entry.ts';
import { type LayerOptions, resolveLayerOptions } from '../parts/layer-options.ts';
import { tarContent } from '../parts/tar-content.ts';
import type { OpenArtifactOptions } from './artifact-parts.ts';
import { badFile } from './artifact-title.ts';

/** A folder on this machine. */
export interface FolderToPack extends Pick<LayerOptions, 'include' | 'exclude'> {
  readonly path: string;
  /** The name that all names in the tar begin with; `.` for none. */
  readonly title: string;
  /** Permission bits of the folder itself. */
  readonly mode: number;
}

/** A folder as one blob, which lies in a temporary file until it is disposed. */
export interface FolderBlob extends AsyncDisposable {
  readonly content: Content;
  readonly digest: Digest;
  /** Digest of the tar before it was compressed. */
  readonly plainDigest: Digest;
}

/**
 * Packs a folder as oras unpacks it: every name begins with the title, files that are one file are written one by one,
 * and no link leads out, as oras refuses those. The same files make the same bytes.
 *
 * @throws {SourceError} `ERR_SOURCE_ENTRY` for what such a tar cannot hold; `ERR_SOURCE_UNREADABLE`,
 * `ERR_SOURCE_CHANGED`, `ERR_SOURCE_SPOOL`
 * @see https://github.com/oras-project/oras-go/blob/v2.6.0/content/file/utils.go#L33-L118
 */
export async function packFolder(
  { path, title, mode, include, exclude }: FolderToPack,
  { time, spoolFolder, onSpool, signal }: OpenArtifactOptions,
): Promise<FolderBlob> {
  const layer = resolveLayerOptions({ to: title, hardLinks: 'copy', include, exclude });
  const mtime = Math.floor((time?.getTime() ?? 0) / 1000);
  const { entries } = await diskEntries(path, { layer, time: mtime, isPlainTar: true, signal });
  for (const entry of entries) assertLinkWithin(entry, layer.to);
  const top: LayerEntry = { name: layer.to, type: 'folder', mode, uid: 0, gid: 0, mtime };
  const content = tarContent(inOrder(layer.to === '' ? entries : [top, ...entries]));
  const pass = compressionPass(content.open({ signal, reuse: true }), createGzipCompressor());
  const name = `the tar of ${JSON.stringify(title)}`;
  const file = await writeDown(pass.stream, { name, spoolFolder, onSpool, signal });
  const { digest, diffID } = pass.result();
  return {
    content: file.slice(0, file.size, name),
    digest,
    plainDigest: diffID,
    [Symbol.asyncDispose]: () => file[Symbol.asyncDispose](),
  };
}

function assertLinkWithin({ type, name, target = '' }: LayerEntry, root: string): void {
  if (type !== 'symlink') return;
  const to = posix.join(posix.dirname(name), target);
  const isWithin = root === '' ? to !== '..' && !to.startsWith('../') : to === root || to.startsWith(`${root}/`);
  if (isWithin && !target.startsWith('/')) return;
  const why = `it is a link to ${JSON.stringify(target)}, which leads out of the folder`;
  throw badFile(name, why, 'Leave it out with `exclude`: oras unpacks no such link');
}
