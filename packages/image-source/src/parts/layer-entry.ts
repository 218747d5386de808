import { isUtf8 } from 'node:buffer';
import type { Content } from '@slipway/digest';
import { SourceError } from '../errors.ts';

/** One entry of a layer that is to be written. */
export interface LayerEntry {
  /** From the root of the image, without `/` at either end: `app/index.js`. */
  readonly name: string;
  readonly type: 'file' | 'folder' | 'symlink' | 'hardlink';
  /** Permission bits, with setuid, setgid and sticky. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Whole seconds since 1970. */
  readonly mtime: number;
  /** Of a symlink as it is written there; of a hard link the name of another entry. */
  readonly target?: string | undefined;
  /** Of a file. */
  readonly content?: Content | undefined;
}

/** What marks deletions in a layer. @see https://github.com/opencontainers/image-spec/blob/v1.1.1/layer.md#whiteouts */
export const whiteoutPrefix = '.wh.';
/** In a folder of which nothing of the layers below is left. */
export const opaqueWhiteout = '.wh..wh..opq';

/**
 * A path in an image as a name in a tar: without `/` and `./` in front, without `/` behind; empty for the root.
 *
 * @throws {SourceError} `ERR_SOURCE_ENTRY` for one that leads out, or that no layer can hold
 */
export function entryName(path: string): string {
  if (path.includes('\0')) throw badEntry(path, 'a name cannot hold a zero byte');
  if (/\p{Surrogate}/u.test(path)) throw badEntry(path, 'its name is no valid Unicode');
  const steps = path.split('/').filter((step) => step !== '' && step !== '.');
  if (steps.includes('..')) throw badEntry(path, 'it leads out with ".."');
  return steps.join('/');
}

/** Names of files are bytes; a layer is written with those that are UTF-8. @throws {SourceError} `ERR_SOURCE_ENTRY` */
export function textOfName(bytes: Buffer, where: string): string {
  if (isUtf8(bytes)) return bytes.toString('utf8');
  throw badEntry(`${where}/${bytes.toString('latin1')}`, 'its name is no UTF-8');
}

/** @throws {SourceError} `ERR_SOURCE_ENTRY` for a name that runtimes would take for a deletion */
export function assertNoWhiteout(name: string, shown: string): void {
  const step = name.split('/').find((one) => one.startsWith(whiteoutPrefix));
  if (step === undefined) return;
  throw badEntry(shown, `a name that begins with "${whiteoutPrefix}" means a deletion there`);
}

/** The refusal of something that cannot go into a layer. */
export function badEntry(path: string, why: string): SourceError {
  const hint = 'Rename it, or leave it out with `exclude`';
  return new SourceError('ERR_SOURCE_ENTRY', `Cannot put ${JSON.stringify(path)} into a layer: ${why}`, { hint });
}
