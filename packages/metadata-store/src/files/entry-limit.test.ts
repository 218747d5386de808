import { mkdir, mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { EntryLimit } from './entry-limit.ts';
import { openFileBackend } from './file-backend.ts';

let root = '';
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'slipway-limit-'));
});
afterAll(() => rm(root, { recursive: true, force: true }));

/** @param seconds when it was written */
async function put(path: string, seconds: number): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, 'x');
  await utimes(path, seconds, seconds);
}

test('of more files than there may be the oldest go, and a tenth beyond, wherever they lie in the namespace', async () => {
  const folder = await mkdtemp(join(root, 'store-'));
  for (let i = 0; i < 30; i += 1) await put(join(folder, 'some', `f${i % 3}`, String(i)), 1_000_000 + i);
  for (let i = 0; i < 30; i += 1) await put(join(folder, 'other', String(i)), 5);
  const limit = new EntryLimit({ folder, maxEntries: 20, random: () => 0 });
  limit.count('some');
  await limit.settled();
  const left = (await readdir(join(folder, 'some'), { recursive: true })).map((name) => Number(name.split('/')[1]));
  expect(left.filter(Number.isInteger).sort((a, b) => a - b)).toEqual(Array.from({ length: 18 }, (_, i) => 12 + i));
  expect(await readdir(join(folder, 'other'))).toHaveLength(30);
});

test('as many as there may be stay', async () => {
  const folder = await mkdtemp(join(root, 'store-'));
  for (let i = 0; i < 20; i += 1) await put(join(folder, 'some', String(i)), i);
  const limit = new EntryLimit({ folder, maxEntries: 20, random: () => 0 });
  limit.count('some');
  await limit.settled();
  expect(await readdir(join(folder, 'some'))).toHaveLength(20);
});

test('drafts of dead writers go too, those that may yet be renamed stay', async () => {
  const folder = await mkdtemp(join(root, 'store-'));
  for (let i = 0; i < 30; i += 1) await put(join(folder, 'some', String(i)), 1_000_000 + i);
  await put(join(folder, 'some', '.tmp-old'), 900_000);
  await put(join(folder, 'some', '.tmp-new'), 1_000_000);
  const limit = new EntryLimit({ folder, maxEntries: 20, random: () => 0 });
  limit.count('some');
  await limit.settled();
  const left = await readdir(join(folder, 'some'));
  expect(left).toContain('.tmp-new');
  expect(left).not.toContain('.tmp-old');
});

test('it is looked after 500 writes, and where in that a process begins is left to chance', async () => {
  const folder = await mkdtemp(join(root, 'store-'));
  const fill = async (): Promise<void> => {
    for (let i = 0; i < 5; i += 1) await put(join(folder, 'some', String(i)), i + 1);
  };
  const limit = new EntryLimit({ folder, maxEntries: 2, random: () => 0.5 });
  for (const writes of [251, 500, 500]) {
    await fill();
    for (let i = 1; i < writes; i += 1) limit.count('some');
    await limit.settled();
    expect(await readdir(join(folder, 'some'))).toHaveLength(5);
    limit.count('some');
    await limit.settled();
    expect(await readdir(join(folder, 'some'))).toHaveLength(1);
  }
});

test('what cannot be cleared fails nothing', async () => {
  const limit = new EntryLimit({ folder: '/proc/self/environ', maxEntries: 0, random: () => 0 });
  limit.count('some');
  await expect(limit.settled()).resolves.toBeUndefined();
});

test('a store that writes on and on stays within its bounds', { timeout: 120_000 }, async () => {
  const folder = await mkdtemp(join(root, 'store-'));
  {
    await using backend = await openFileBackend({ folder, maxEntries: 50 });
    for (let start = 0; start < 1_200; start += 100) {
      const group = Array.from({ length: 100 }, (_, i) => backend.set('some', String(start + i), new Uint8Array(1)));
      await Promise.all(group);
    }
  }
  expect((await readdir(join(folder, 'some'))).length).toBeLessThanOrEqual(50 + 500);
});
