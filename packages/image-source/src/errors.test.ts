import { describe, expect, test } from 'vitest';
import { fromSystemError, invalidSource } from './errors.ts';

describe('fromSystemError', () => {
  test.each([
    ['ENOENT', 'ERR_SOURCE_NOT_FOUND', 'Cannot open "a\\"b": no such file or folder'],
    ['ENOTDIR', 'ERR_SOURCE_NOT_FOUND', 'Cannot open "a\\"b": no such file or folder'],
    ['EACCES', 'ERR_SOURCE_UNREADABLE', 'Cannot open "a\\"b": permission denied'],
    ['EPERM', 'ERR_SOURCE_UNREADABLE', 'Cannot open "a\\"b": permission denied'],
    ['EIO', 'ERR_SOURCE_UNREADABLE', 'Cannot read "a\\"b": EIO'],
    ['ELOOP', 'ERR_SOURCE_UNREADABLE', 'Cannot read "a\\"b": ELOOP'],
  ])('%s becomes %s', (systemCode, code, message) => {
    const cause = Object.assign(new Error('it failed'), { code: systemCode });
    expect(fromSystemError(cause, 'a"b')).toMatchObject({
      name: 'SourceError',
      code,
      message,
      cause,
      origin: 'source',
    });
  });

  test.each([
    ['an error without a code', new Error('ours')],
    ['an error that is explained already', invalidSource('explained')],
  ])('%s stays as it is', (_, error) => {
    expect(fromSystemError(error, 'a')).toBe(error);
  });
});
