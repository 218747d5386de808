import { mkdtemp, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { makeFolder } from './make-folder.ts';

let root = '';
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'slipway-folder-'));
});
afterAll(() => rm(root, { recursive: true, force: true }));

test('folders are made where they are missing, by several at once, with the mode asked for', async () => {
  const path = join(root, 'a/b/c');
  await Promise.all(Array.from({ length: 10 }, () => makeFolder(path, 0o700)));
  await makeFolder(path, 0o755);
  if (process.platform !== 'win32') expect((await stat(path)).mode & 0o777).toBe(0o700);
  expect((await stat(path)).isDirectory()).toBe(true);
});

test.each<[string, (path: string) => Promise<void>, string]>([
  ['a file in its place', (path) => writeFile(path, ''), 'EEXIST'],
  ['a link to nowhere', (path) => symlink('/nowhere/at/all', path), 'EEXIST'],
])('%s is told as what it is', async (name, put, code) => {
  const path = join(root, name);
  await put(path);
  await expect(makeFolder(path)).rejects.toMatchObject({ code, path });
});

test('a file above it is told as what it is', async () => {
  await writeFile(join(root, 'file'), '');
  await expect(makeFolder(join(root, 'file/a/b'))).rejects.toMatchObject({ code: 'ENOTDIR' });
});

test.runIf(process.platform === 'linux')(
  'a file system that takes no folders says why, not that something is missing',
  async () => {
    const error: NodeJS.ErrnoException = await makeFolder('/proc/none/a/b').then(
      () => expect.unreachable(),
      (reason) => reason,
    );
    expect(error.path).toBe('/proc/none');
  },
);
