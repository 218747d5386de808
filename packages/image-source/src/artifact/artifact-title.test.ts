import { expect, test } from 'vitest';
import { titleOf } from './artifact-title.ts';

test.each([
  // path, title
  ['a.txt', 'a.txt'],
  ['./a.txt', 'a.txt'],
  ['d/sub//x/', 'd/sub/x'],
  ['.', '.'],
  ['./', '.'],
  ['a:b', 'a:b'],
  ['…/ä', '…/ä'],
  ['..a/b', '..a/b'],
  ['/tmp/x/a.txt', 'a.txt'],
  ['/tmp/x/', 'x'],
  ['../a.txt', 'a.txt'],
  ['d/../a.txt', 'a.txt'],
  [String.raw`C:\x\y.txt`, 'y.txt'],
  ['C:/x/y.txt', 'y.txt'],
])('%s is called %s', (path, title) => {
  expect(titleOf(path)).toBe(title);
});

test('the root has no name', () => {
  expect(() => titleOf('/')).toThrow(expect.objectContaining({ code: 'ERR_SOURCE_TITLE' }));
});
