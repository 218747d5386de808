import { Header } from 'tar/header';
import { expect, test } from 'vitest';
import { layerFrom } from '../../src/index.ts';
import { bytesOf } from '../read-content.ts';
import { listing } from './listing.ts';

async function tarOf(...paths: readonly string[]): Promise<Buffer> {
  await using opened = await layerFrom(Object.fromEntries(paths.map((path) => [path, 'x']))).open();
  return await bytesOf(opened.layer.content!);
}

test('a path of thousands of folders is written and read back', async () => {
  const steps = 3000;
  const folders = Array.from({ length: steps }, (_, at) => `${'d/'.repeat(at + 1)}`);
  const found = listing(await tarOf(`${'d/'.repeat(steps)}f`, `${'d/'.repeat(steps)}g`));
  expect(found.map(({ path }) => path)).toEqual([...folders, `${folders.at(-1)}f`, `${folders.at(-1)}g`]);
});

test('folders that several files are in are there once, and those that were described stay so', async () => {
  const files = {
    'a/b/c/one': 'x',
    'a/b/c/two': 'x',
    'a/b/d/three': 'x',
    'a/b': { type: 'folder', mode: 0o700 },
  } as const;
  await using opened = await layerFrom(files).open();
  const found = listing(await bytesOf(opened.layer.content!));
  expect(found.map(({ path, mode }) => [path, mode])).toEqual([
    ['a/', 0o755],
    ['a/b/', 0o700],
    ['a/b/c/', 0o755],
    ['a/b/c/one', 0o644],
    ['a/b/c/two', 0o644],
    ['a/b/d/', 0o755],
    ['a/b/d/three', 0o644],
  ]);
});

test('a file in the way of a folder is told, however deep, and whoever has made the folders below it', async () => {
  const above = 'd/'.repeat(500);
  for (const paths of [
    [`${above}x`, `${above}x/y/z`],
    [`${above}x/y/z`, `${above}x/y/w`, `${above}x`],
  ]) {
    await expect(tarOf(...paths)).rejects.toThrow('above it, is a file');
  }
});

test('a header is the one that the library makes of the whole name', async () => {
  const steps = [
    'a',
    'bb',
    'é',
    '😀x',
    'c'.repeat(49),
    'd'.repeat(50),
    'e'.repeat(99),
    'f'.repeat(101),
    'g'.repeat(160),
  ];
  for (let seed = 1; seed < 400; seed += 1) {
    let state = seed;
    const name = Array.from({ length: 1 + (seed % 12) }, () => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return steps[(state >>> 8) % steps.length];
    }).join('/');
    const tar = await tarOf(name);
    const file = tar.subarray(0, -1024 - 512).subarray(-512);
    const whole = Buffer.alloc(512);
    const plain = {
      path: name,
      mode: 0o644,
      uid: 0,
      gid: 0,
      size: 1,
      mtime: new Date(0),
      type: 'File',
      uname: '',
      gname: '',
    };
    new Header({ ...plain, devmaj: 0, devmin: 0 } as ConstructorParameters<typeof Header>[0]).encode(whole);
    expect(file, name).toEqual(whole);
  }
});
