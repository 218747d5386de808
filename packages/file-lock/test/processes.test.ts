import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findUnshare } from '@slipway/testkit';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { acquireOn } from '../src/file-lock.ts';
import { acquireFileLock } from '../src/index.ts';
import { type LockSystem, lockSystem } from '../src/lock-system.ts';
import { type Child, startChild } from './child.ts';

let root = '';
let path = '';
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'slipway-lock-'));
  await mkdir(join(root, 'cache'));
});
beforeEach(async () => {
  path = join(await mkdtemp(join(root, 'locks-')), 'lock');
});
afterAll(() => rm(root, { recursive: true, force: true }));

const start = (input: readonly string[], prefix?: readonly string[]): Child =>
  startChild(join(root, 'cache'), input, prefix);

/** Its clock moves a second with each look, so that nobody waits for long. */
function quickSystem(): LockSystem {
  let nowMs = 0;
  return {
    ...lockSystem,
    now: () => nowMs,
    async sleep(_, signal) {
      nowMs += 1_000;
      await lockSystem.sleep(0, signal);
    },
  };
}

const forLong = { timeoutMs: 1_000_000, staleMs: 1_000_000 };

describe('among processes of one machine', () => {
  test('nobody comes between a read and the write after it', { timeout: 120_000 }, async () => {
    const file = `${path}-count`;
    await writeFile(file, '0');
    const children = Array.from({ length: 3 }, () => start(['count', path, file, '60']));
    const said = (await Promise.all(children.map((child) => child.finish()))).flat();
    expect(said.map(Number).sort((a, b) => a - b)).toEqual(Array.from({ length: 180 }, (_, i) => i + 1));
    expect(await readFile(file, 'utf8')).toBe('180');
    expect(await readdir(join(path, '..'))).toEqual(['lock-count']);
  });

  test('the lock of a living process is never taken, and its owner is named', async () => {
    const child = start(['hold', path]);
    expect(await child.said()).toBe('held');
    await expect(acquireOn(quickSystem(), path, { timeoutMs: 100_000, staleMs: 5_000 })).rejects.toMatchObject({
      code: 'ERR_LOCK_TIMEOUT',
      message: expect.stringContaining(`process ${child.process.pid} on `),
    });
    expect(await child.finish()).toEqual(['held', 'kept']);
    await using _lock = await acquireFileLock(path, { timeoutMs: 0 });
  });

  test('nor is that of a process that was stopped', async () => {
    const child = start(['hold', path]);
    expect(await child.said()).toBe('held');
    child.process.kill('SIGSTOP');
    await expect(acquireOn(quickSystem(), path, { timeoutMs: 100_000, staleMs: 5_000 })).rejects.toMatchObject({
      code: 'ERR_LOCK_TIMEOUT',
    });
    child.process.kill('SIGCONT');
    expect(await child.finish()).toEqual(['held', 'kept']);
  });

  test('that of a killed one is taken at once, and nothing of it is left', async () => {
    const child = start(['hold', path]);
    expect(await child.said()).toBe('held');
    await child.kill();
    const draft = `${path}.draft-7d1f2c6a-0d0b-4b5e-9a52-3f0f6f2f7c11`; // as if it had been killed a moment before it had the lock
    const [name = ''] = await readdir(path);
    await mkdir(draft);
    await writeFile(join(draft, name), await readFile(join(path, name)));
    await (await acquireFileLock(path, { ...forLong, timeoutMs: 0 }))[Symbol.asyncDispose]();
    expect(await readdir(join(path, '..'))).toEqual([]);
  });

  test('one that renews its lock is seen to do so', async () => {
    const child = start(['hold', path, '200']);
    expect(await child.said()).toBe('held');
    const [name = ''] = await readdir(path);
    const first = (await stat(join(path, name))).mtimeMs;
    await expect.poll(async () => (await stat(join(path, name))).mtimeMs, { timeout: 25_000 }).toBeGreaterThan(first);
    await child.finish();
  });
});

const { prefix, unless } = findUnshare('pid');

describe.skipIf(unless)(`among PID namespaces of one machine (${unless ?? 'made with unshare'})`, () => {
  /** Without a `/proc` of its own, the pids that a process finds there are not those of its namespace. */
  const withForeignProc = prefix.filter((word) => word !== '--mount-proc');

  test.each([
    ['with its own /proc', prefix],
    ['with the /proc of another namespace', withForeignProc],
  ])('an owner %s is not looked for by its pid, and keeps its lock', async (_, program) => {
    const child = start(['hold', path], program);
    expect(await child.said()).toBe('held');
    await expect(acquireFileLock(path, { ...forLong, timeoutMs: 0 })).rejects.toMatchObject({
      code: 'ERR_LOCK_TIMEOUT',
      message: expect.stringContaining('process 1 on '),
    });
    const neighbour = start(['try', path], program);
    expect(await neighbour.finish()).toEqual(['ERR_LOCK_TIMEOUT']);
    expect(await child.finish()).toEqual(['held', 'kept']);
    expect(await start(['try', path], program).finish()).toEqual(['held']);
  });

  test('from within, the lock of a process outside is kept too', async () => {
    await using _lock = await acquireFileLock(path);
    expect(await start(['try', path], prefix).finish()).toEqual(['ERR_LOCK_TIMEOUT']);
    expect(await start(['try', path], withForeignProc).finish()).toEqual(['ERR_LOCK_TIMEOUT']);
  });

  test('the lock of a killed one is taken once it was seen not to be renewed', async () => {
    const child = start(['hold', path], prefix);
    expect(await child.said()).toBe('held');
    await child.kill();
    await expect(acquireFileLock(path, { timeoutMs: 0 })).rejects.toMatchObject({ code: 'ERR_LOCK_TIMEOUT' });
    await using lock = await acquireOn(quickSystem(), path, { timeoutMs: 100_000, staleMs: 20_000 });
    await lock.assertHeld();
  });
});
