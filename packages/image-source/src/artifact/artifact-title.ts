import { basename, isAbsolute, resolve, sep, win32 } from 'node:path';
import { SourceError } from '../errors.ts';

/** A path as Windows writes it from a drive on: it leads out on every machine. */
const fromDrive = /^[A-Za-z]:[\\/]/;

/**
 * What a path on this machine is called where it is pulled: the path itself, if that stays below the folder it is
 * pulled into, and else its last name. No artifact says where its files lay here.
 */
export function titleOf(path: string): string {
  if (fromDrive.test(path)) return assertTitle(win32.basename(path));
  const steps = path.split(sep).filter((step) => step !== '' && step !== '.');
  const isWithin = !isAbsolute(path) && !steps.includes('..');
  if (isWithin) return assertTitle(steps.join('/') || '.');
  const last = basename(resolve(path));
  if (last === '') throw badTitle(path, 'it has no name');
  return assertTitle(last);
}

/**
 * A title without what means nothing: `./a//b/` is `a/b`.
 *
 * @throws {SourceError} `ERR_SOURCE_TITLE` for one that would be written elsewhere than below the folder it is pulled
 * into
 */
export function assertTitle(title: string): string {
  if (title === '') throw badTitle(title, 'it would have no name');
  if (title.includes('\0')) throw badTitle(title, 'a name cannot hold a zero byte');
  if (/\p{Surrogate}/u.test(title)) throw badTitle(title, 'its name is no valid Unicode');
  if (title.startsWith('/') || fromDrive.test(title)) throw badTitle(title, 'a title is a relative path');
  if (title.split(/[\\/]/).includes('..')) throw badTitle(title, 'it leads out with ".."');
  const steps = title.split('/').filter((step) => step !== '' && step !== '.');
  return steps.join('/') || '.';
}

/** Refuses the title of the whole folder for a single file. @throws {SourceError} `ERR_SOURCE_TITLE` */
export function assertFileTitle(title: string): void {
  if (title === '.') throw badTitle(title, 'it would have no name');
}

/**
 * Refuses titles of which one file would be written over another.
 *
 * @throws {SourceError} `ERR_SOURCE_TITLE`
 */
export function assertApart(entries: readonly { readonly title: string; readonly isFolder: boolean }[]): void {
  const files = new Map<string, boolean>();
  for (const { title, isFolder } of entries) {
    if (files.has(title)) throw badTitle(title, 'the artifact has it twice');
    files.set(title, isFolder);
  }
  for (const { title } of entries) {
    for (let at = title.indexOf('/'); at >= 0; at = title.indexOf('/', at + 1)) {
      const above = title.slice(0, at);
      if (files.get(above) === false) throw badTitle(title, `${JSON.stringify(above)}, above it, is a file`);
    }
  }
}

function badTitle(title: string, why: string): SourceError {
  return refused('ERR_SOURCE_TITLE', title, why, 'Give it another title, or push it as an artifact of its own');
}

/** The refusal of something on this machine that cannot be a part of an artifact. */
export function badFile(path: string, why: string, hint?: string): SourceError {
  return refused('ERR_SOURCE_ENTRY', path, why, hint);
}

function refused(code: 'ERR_SOURCE_TITLE' | 'ERR_SOURCE_ENTRY', name: string, why: string, hint?: string): SourceError {
  return new SourceError(code, `Cannot put ${JSON.stringify(name)} into an artifact: ${why}`, { hint });
}
