import { describe, expect, test } from 'vitest';
import { cleanMemberName, findMember } from './member-path.ts';
import type { TarEntry, TarIndex } from './tar-entry.ts';

const file = (offset: number): TarEntry => ({ type: 'file', offset, size: 1 });
const symlink = (target: string): TarEntry => ({ type: 'symlink', target });
const hardlink = (target: string): TarEntry => ({ type: 'hardlink', target });
const indexOf = (entries: Record<string, TarEntry>): TarIndex => new Map(Object.entries(entries));

describe('cleanMemberName', () => {
  const fail = (reason: string): never => {
    throw new Error(reason);
  };

  test.each([
    ['a', 'a'],
    ['./a', 'a'],
    ['./a//b/./c/', 'a/b/c'],
    ['./', ''],
    ['/a', 'a'],
    ['//./a', 'a'],
    ['a..b/..c', 'a..b/..c'],
  ])('%s is looked up as %s', (name, expected) => {
    expect(cleanMemberName(name, fail as never)).toBe(expected);
  });

  test.each([
    ['../a', 'leads out'],
    ['a/../b', 'leads out'],
    ['a/..', 'leads out'],
    ['C:/windows', 'absolute'],
    ['..\\a', 'backslash'],
    ['a\0b', 'zero byte'],
  ])('%j is refused: %s', (name, reason) => {
    expect(() => cleanMemberName(name, fail as never)).toThrow(reason);
  });
});

describe('findMember', () => {
  const index = indexOf({
    base: { type: 'folder' },
    'base/layer.tar': file(512),
    'top/layer.tar': symlink('../base/layer.tar'),
    'other/layer.tar': symlink('../top/./layer.tar'),
    'hard/layer.tar': hardlink('base/layer.tar'),
    alias: symlink('base'),
    'deep/alias': symlink('../alias'),
    missing: symlink('nowhere'),
    self: symlink('self'),
    ping: symlink('pong'),
    pong: hardlink('ping'),
    grow: symlink('grow/grow'),
    out: symlink('../secret'),
    'a/out': symlink('../../secret'),
    hardout: hardlink('../secret'),
    absolute: symlink('/etc/passwd'),
    windows: symlink('..\\secret'),
    device: { type: 'other' },
  });

  test.each([
    ['base/layer.tar'],
    ['./base//layer.tar'],
    ['top/layer.tar'],
    ['other/layer.tar'],
    ['hard/layer.tar'],
    ['alias/layer.tar'],
    ['deep/alias/layer.tar'],
  ])('%s is found', (name) => {
    expect(findMember(index, name, 'a.tar')).toEqual(file(512));
  });

  test('what is not there is undefined', () => {
    expect(findMember(index, 'nothing', 'a.tar')).toBeUndefined();
  });

  test.each([
    ['missing', 'a link to "nowhere", which is not in the archive'],
    ['self', 'leads back to itself'],
    ['ping', 'leads back to itself'],
    ['grow', 'leads back to itself'],
    ['out', 'a link out of the archive, to "../secret"'],
    ['a/out', 'a link out of the archive'],
    ['hardout', 'a link out of the archive'],
    ['absolute', 'a link out of the archive, to "/etc/passwd"'],
    ['windows', 'unusable target'],
    ['device', 'not a regular file'],
    ['base', 'not a regular file'],
    ['../base', 'leads out of the archive'],
  ])('%s is refused: %s', (name, reason) => {
    const message = expect.stringContaining(reason);
    expect(() => findMember(index, name, 'a.tar')).toThrow(
      expect.objectContaining({ code: 'ERR_SOURCE_INVALID', message }),
    );
    expect(() => findMember(index, name, 'a.tar')).toThrow(`member ${JSON.stringify(name)}`);
  });
});
