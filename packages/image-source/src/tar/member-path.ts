import { invalidSource, type SourceError } from '../errors.ts';
import type { TarFile, TarIndex } from './tar-entry.ts';

/** Most links followed for one name, as Linux does. */
const maxLinks = 40;

/**
 * The form in which members are looked up: no `/` or `./` in front, no `/` at the end, no empty parts.
 * A name that could lead out of the archive has none, and is refused through `fail`.
 */
export function cleanMemberName(name: string, fail: (reason: string) => SourceError): string {
  if (name.includes('\0')) throw fail('has a zero byte in its name');
  if (name.includes('\\')) throw fail('has a backslash in its name');
  if (/^[a-z]:[\\/]/i.test(name)) throw fail('has an absolute name');
  const parts = name.split('/').filter((part) => part !== '' && part !== '.');
  if (parts.includes('..')) throw fail('leads out of the archive');
  return parts.join('/');
}

/** Where a name leads that has `..` or backslashes in it, for programs that follow them within the archive. */
export function followedMemberName(name: string): string {
  const parts: string[] = [];
  for (const part of name.split(/[\\/]/)) {
    if (part === '..') parts.pop();
    else if (part !== '' && part !== '.') parts.push(part);
  }
  return parts.join('/');
}

/**
 * Finds the regular file a member name stands for, through symbolic and hard links, also of folders on the way.
 * Undefined when there is no such member.
 *
 * @throws {SourceError} `ERR_SOURCE_INVALID` when links loop, lead out of the archive or nowhere, or end at no regular
 * file.
 */
export function findMember(index: TarIndex, name: string, archive: string): TarFile | undefined {
  const fail = (reason: string): SourceError =>
    invalidSource(`Cannot read ${JSON.stringify(archive)}: member ${JSON.stringify(name)} ${reason}`);
  let path = cleanMemberName(name, fail);
  for (let links = 0; links <= maxLinks; links += 1) {
    const link = firstLink(index, path);
    if (!link) {
      const entry = index.get(path);
      if (entry?.type === 'file') return entry;
      if (entry?.type === 'unreadable') throw fail(entry.reason);
      if (entry) throw fail('is not a regular file');
      if (links > 0) throw fail(`is a link to ${JSON.stringify(path)}, which is not in the archive`);
      return undefined;
    }
    const target = followLink(link, fail);
    path = link.rest === '' ? target : `${target}/${link.rest}`;
  }
  throw fail('is a link that leads back to itself');
}

interface Link {
  readonly type: 'symlink' | 'hardlink';
  /** Name of the link itself. */
  readonly at: string;
  readonly target: string;
  /** What of the path comes after the link. */
  readonly rest: string;
}

function firstLink(index: TarIndex, path: string): Link | undefined {
  for (let end = path.indexOf('/'); ; end = path.indexOf('/', end + 1)) {
    const at = end === -1 ? path : path.slice(0, end);
    const entry = index.get(at);
    if (entry?.type === 'symlink' || entry?.type === 'hardlink') {
      return { type: entry.type, at, target: entry.target, rest: end === -1 ? '' : path.slice(end + 1) };
    }
    if (end === -1) return undefined;
  }
}

/** Where a link leads, from the archive's root. */
function followLink({ type, at, target }: Link, fail: (reason: string) => SourceError): string {
  const quoted = JSON.stringify(target);
  if (target.includes('\\') || target.includes('\0')) throw fail(`is a link with an unusable target, ${quoted}`);
  if (target.startsWith('/')) throw fail(`is a link out of the archive, to ${quoted}`);
  const parts = type === 'symlink' ? at.split('/').slice(0, -1) : [];
  for (const part of target.split('/')) {
    if (part === '' || part === '.') continue;
    if (part !== '..') parts.push(part);
    else if (parts.pop() === undefined) throw fail(`is a link out of the archive, to ${quoted}`);
  }
  return parts.join('/');
}
