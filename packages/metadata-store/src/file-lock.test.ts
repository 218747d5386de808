import { mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { withFileLock } from './file-lock.ts';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'slipway-lock-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

test('one at a time, and nothing is left behind', async () => {
  const path = join(folder, 'lock');
  let inside = 0;
  let most = 0;
  const work = async (): Promise<void> => {
    inside += 1;
    most = Math.max(most, inside);
    await Promise.resolve();
    inside -= 1;
  };
  await Promise.all(Array.from({ length: 10 }, () => withFileLock(path, { timeoutMs: 20_000 }, work)));
  expect(most).toBe(1);
  expect(await readdir(folder)).toEqual([]);
});

test.each([
  ['whose owner died', `999999999\n${hostname()}\nold\n`, 0],
  ['that names nobody, because its maker was killed while making it', '', 5],
  ['of another machine, far too old', '1\nelsewhere\nold\n', 60],
])('a lock %s is taken over', async (_, content, ageSeconds) => {
  const path = join(folder, 'lock');
  await writeFile(path, content);
  const then = Date.now() / 1000 - ageSeconds;
  await utimes(path, then, then);
  expect(await withFileLock(path, { timeoutMs: 500 }, async () => 'mine')).toBe('mine');
  expect(await readdir(folder)).toEqual([]);
});

test('a lock that is held is waited for no longer than allowed', async () => {
  const path = join(folder, 'lock');
  await withFileLock(path, { timeoutMs: 500 }, async () => {
    await expect(withFileLock(path, { timeoutMs: 50 }, async () => {})).rejects.toMatchObject({
      code: 'ERR_STORE_LOCKED',
    });
  });
});
