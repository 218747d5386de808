import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { acquireFileLock, acquireOn, type FileLock } from './file-lock.ts';
import { type FileLockError, withFileLock } from './index.ts';
import { type LockSystem, lockSystem } from './lock-system.ts';

let root = '';
let folder = '';
let path = '';
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'slipway-lock-'));
});
beforeEach(async () => {
  folder = await mkdtemp(join(root, 'locks-'));
  path = join(folder, 'lock');
});
afterAll(() => rm(root, { recursive: true, force: true }));

/** A system whose clock moves only while somebody sleeps, and by a second each time. */
function slowSystem(onSleep: (count: number) => Promise<void> = async () => {}): LockSystem & { slept: number } {
  return {
    ...lockSystem,
    slept: 0,
    now() {
      return this.slept * 1_000;
    },
    async sleep() {
      this.slept += 1;
      await onSleep(this.slept);
    },
  };
}

const elsewhere = { pid: 1, host: 'elsewhere', space: 'another boot, another namespace', began: '5' };

const token = '7d1f2c6a-0d0b-4b5e-9a52-3f0f6f2f7c11';

/** A lock as an owner makes it who cannot be seen from here. */
async function putLock(owner: unknown = elsewhere, name = token): Promise<string> {
  await mkdir(path, { recursive: true });
  await writeFile(join(path, name), typeof owner === 'string' ? owner : JSON.stringify(owner));
  return join(path, name);
}

describe('a lock', () => {
  test('is held by one at a time, and leaves nothing behind', async () => {
    let inside = 0;
    let most = 0;
    const work = async (): Promise<void> => {
      inside += 1;
      most = Math.max(most, inside);
      await new Promise((resolve) => setImmediate(resolve));
      inside -= 1;
    };
    await Promise.all(Array.from({ length: 20 }, () => withFileLock(path, { timeoutMs: 25_000 }, work)));
    expect(most).toBe(1);
    expect(await readdir(folder)).toEqual([]);
  });

  test('is released when the work fails, and the failure comes through', async () => {
    await expect(withFileLock(path, {}, () => Promise.reject(new Error('work')))).rejects.toThrow('work');
    expect(await readdir(folder)).toEqual([]);
  });

  test('is waited for no longer than allowed, and the error names who holds it', async () => {
    await using _lock = await acquireFileLock(path);
    await expect(acquireFileLock(path, { timeoutMs: 20 })).rejects.toMatchObject({
      name: 'FileLockError',
      code: 'ERR_LOCK_TIMEOUT',
      message: expect.stringMatching(
        new RegExp(`^Waited \\d+ ms for ${path}, which process ${process.pid} on .+ holds$`),
      ),
    });
    expect(await readdir(folder)).toEqual(['lock']);
  });

  test('is no longer waited for once the caller gives up, with the reason it gave', async () => {
    await using _lock = await acquireFileLock(path);
    const controller = new AbortController();
    const waiting = acquireFileLock(path, { timeoutMs: 60_000, signal: controller.signal });
    controller.abort(new Error('enough'));
    await expect(waiting).rejects.toThrow('enough');
    await expect(acquireFileLock(join(folder, 'free'), { signal: controller.signal })).rejects.toThrow('enough');
    expect(await readdir(folder)).toEqual(['lock']);
  });

  test('is released once, however often that is asked for', async () => {
    const lock = await acquireFileLock(path);
    await Promise.all([lock[Symbol.asyncDispose](), lock[Symbol.asyncDispose]()]);
    await using next = await acquireFileLock(path, { timeoutMs: 0 });
    await lock[Symbol.asyncDispose]();
    await next.assertHeld();
  });
});

describe('while it is held, a lock', () => {
  test('is renewed, several times within the time after which it counts as abandoned', async () => {
    const timers: { intervalMs: number; work: () => void }[] = [];
    let stopped = 0;
    const system: LockSystem = {
      ...lockSystem,
      every(intervalMs, work) {
        timers.push({ intervalMs, work });
        return () => (stopped += 1);
      },
    };
    const lock = await acquireOn(system, path, { staleMs: 1_000 });
    expect(timers.map(({ intervalMs }) => intervalMs)).toEqual([250]);
    const [name = ''] = await readdir(path);
    const content = await readFile(join(path, name), 'utf8');
    await utimes(join(path, name), 5, 5);
    timers[0]?.work();
    await expect.poll(async () => (await stat(join(path, name))).mtimeMs, { timeout: 25_000 }).toBeGreaterThan(5_000);
    expect(await readFile(join(path, name), 'utf8')).toBe(content);
    await lock[Symbol.asyncDispose]();
    expect(stopped).toBe(1);
  });

  test('that others have taken says so when it is asked', async () => {
    const lock = await acquireFileLock(path);
    await lock.assertHeld();
    await rm(path, { recursive: true });
    await using next = await acquireFileLock(path, { timeoutMs: 0 });
    await expect(lock.assertHeld()).rejects.toMatchObject({ code: 'ERR_LOCK_LOST' });
    expect(lock.signal.reason).toMatchObject({ code: 'ERR_LOCK_LOST', message: expect.stringContaining(path) });
    await lock[Symbol.asyncDispose]();
    await next.assertHeld();
  });

  test('that others have taken says so when it is next renewed', async () => {
    let renew = (): void => {};
    const every = (_: number, work: () => void): (() => void) => {
      renew = work;
      return () => {};
    };
    const system: LockSystem = { ...lockSystem, every };
    const lock = await acquireOn(system, path, {});
    // The first renewal may still be under way when the lock is gone.
    const lost = once(lock.signal, 'abort');
    renew();
    await rm(path, { recursive: true });
    renew();
    await lost;
    expect(lock.signal.reason).toMatchObject({ code: 'ERR_LOCK_LOST' });
  });
});

describe('an owner that cannot be looked up', () => {
  const unknown: readonly (readonly [string, unknown])[] = [
    ['on another machine', elsewhere],
    ['in another PID namespace of this machine', { ...elsewhere, space: 'this boot, pid:[1]' }],
    ['on a system that tells nothing', { pid: 2 ** 22, host: 'x' }],
    ['whose file is empty, as after a loss of power', ''],
    ['whose file has zeros alone', '\0'.repeat(100)],
    ['whose file ends in the first word', '{"pi'],
    ['whose file ends early', JSON.stringify(elsewhere).slice(0, 30)],
    ['whose file ends in zeros', `${JSON.stringify(elsewhere).slice(0, 30)}\0\0\0`],
  ];

  test.each(unknown)(
    '%s is waited for, and its lock taken once it was not renewed for the whole time',
    async (_, owner) => {
      await putLock(owner);
      await expect(acquireOn(lockSystem, path, { timeoutMs: 0 })).rejects.toMatchObject({ code: 'ERR_LOCK_TIMEOUT' });
      const system = slowSystem();
      await using lock = await acquireOn(system, path, { timeoutMs: 60_000, staleMs: 10_000 });
      expect(system.slept).toBe(10);
      await lock.assertHeld();
    },
  );

  test('keeps its lock for as long as it renews it', async () => {
    const file = await putLock();
    const system = slowSystem((count) => utimes(file, count % 7, count % 7)); // any other time will do
    await expect(acquireOn(system, path, { timeoutMs: 200_000, staleMs: 3_000 })).rejects.toMatchObject({
      code: 'ERR_LOCK_TIMEOUT',
    });
    expect(system.slept).toBe(200);
  });

  test('is given the time again after each renewal', async () => {
    const file = await putLock();
    const system = slowSystem(async (count) => (count <= 5 ? await utimes(file, count, count) : undefined));
    await using _lock = await acquireOn(system, path, { timeoutMs: 60_000, staleMs: 10_000 });
    expect(system.slept).toBe(15);
  });

  test.each([
    ['ahead', 24 * 60 * 60],
    ['half an hour behind', -30 * 60],
  ])('is not judged by a clock that is %s', async (_, seconds) => {
    const file = await putLock();
    const time = Date.now() / 1000 + seconds;
    await utimes(file, time, time);
    await expect(acquireOn(lockSystem, path, { timeoutMs: 0 })).rejects.toMatchObject({ code: 'ERR_LOCK_TIMEOUT' });
  });

  test('has lost a lock that is older than an hour by the clock of the file system', async () => {
    const file = await putLock();
    const time = Date.now() / 1000 - 2 * 60 * 60;
    await utimes(file, time, time);
    await using _lock = await acquireOn(lockSystem, path, { timeoutMs: 0 });
    expect(await readdir(path)).toHaveLength(1);
  });

  test('is given time to wake up when the one that waits was stopped as well', async () => {
    await putLock();
    let nowMs = 0;
    let looks = 0;
    const system: LockSystem = {
      ...lockSystem,
      now: () => nowMs,
      async sleep() {
        looks += 1;
        nowMs += 3_600_000;
      },
    };
    await using _lock = await acquireOn(system, path, { timeoutMs: Number.POSITIVE_INFINITY, staleMs: 10_000 });
    expect(looks).toBe(10);
  });
});

test('of many that find an abandoned lock, one at a time has it', async () => {
  const file = await putLock();
  await utimes(file, 5, 5); // far more than an hour old
  let inside = 0;
  let most = 0;
  let done = 0;
  const work = async (): Promise<void> => {
    inside += 1;
    most = Math.max(most, inside);
    await new Promise((resolve) => setImmediate(resolve));
    inside -= 1;
    done += 1;
  };
  await Promise.all(Array.from({ length: 20 }, () => withFileLock(path, { timeoutMs: 25_000 }, work)));
  expect([most, done]).toEqual([1, 20]);
  expect(await readdir(folder)).toEqual([]);
});

describe('what lies in the place of a lock', () => {
  test.each<[string, string, string]>([
    ['a file', '', 'precious'],
    ['an empty file', '', ''],
    ['a file of what an owner writes', '', JSON.stringify(elsewhere)],
    ['a file in a folder', 'mine.txt', 'precious'],
    ['an empty file in a folder', '.gitkeep', ''],
    ['a file in a folder of the folder', 'mine/mine.txt', 'precious'],
    ['a file with the name of an owner', token, 'precious'],
    ['a file with the name of an owner, and JSON', token, '{"name": "precious"}'],
    ['a file with the name of an owner, longer than one writes', token, JSON.stringify(elsewhere).padEnd(5_000)],
    ['a file in a folder with the name of an owner', `${token}/mine.txt`, 'precious'],
    ['a file with nearly the name of an owner', `${token}.txt`, ''],
  ])('%s is kept, and makes it unavailable at once', async (_, name, content) => {
    const file = join(path, name);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, content);
    await utimes(file, 5, 5); // far more than an hour old
    const system = slowSystem();
    await expect(acquireOn(system, path, { timeoutMs: 60_000 })).rejects.toMatchObject({
      code: 'ERR_LOCK_UNAVAILABLE',
      message: expect.stringContaining(`Cannot lock ${path}: `),
    });
    expect(system.slept).toBe(0);
    expect(await readFile(file, 'utf8')).toBe(content);
    expect(await readdir(folder)).toEqual(['lock']);
  });

  test('a stranger beside a dead owner is kept', async () => {
    await utimes(await putLock(), 5, 5);
    await writeFile(join(path, 'mine.txt'), 'precious');
    await expect(acquireFileLock(path)).rejects.toMatchObject({
      code: 'ERR_LOCK_UNAVAILABLE',
      message: `Cannot lock ${path}: ${join(path, 'mine.txt')} is not the file of an owner`,
    });
    expect((await readdir(path)).sort()).toEqual([token, 'mine.txt']);
  });

  test('a link with the name of an owner leads to nothing that is deleted', async () => {
    await mkdir(path);
    await writeFile(join(folder, 'mine.txt'), '');
    await symlink(join(folder, 'mine.txt'), join(path, token));
    await expect(acquireFileLock(path)).rejects.toMatchObject({ code: 'ERR_LOCK_UNAVAILABLE' });
    expect(await readdir(path)).toEqual([token]);
  });

  test('what a draft of a dead owner has besides is kept', async () => {
    const { pid, ...others } = lockSystem.self();
    const ended = JSON.stringify({ pid, ...others, began: 'another time' });
    await putLock(ended);
    const draft = `${path}.draft-${token}`;
    await mkdir(draft);
    await writeFile(join(draft, token), ended);
    await writeFile(join(draft, 'mine.txt'), 'precious');
    await (await acquireFileLock(path, { timeoutMs: 0 }))[Symbol.asyncDispose]();
    expect((await readdir(draft)).sort()).toEqual([token, 'mine.txt']);
  });

  test.each(['.nfs000000000012ab3400000001', '.fuse_hidden0000000a00000001'])(
    'the deleted file of an owner that a file system still lists as %s is waited for',
    async (name) => {
      const file = await putLock(elsewhere, name);
      await using _lock = await acquireOn(
        slowSystem((count) => (count === 3 ? rm(file) : Promise.resolve())),
        path,
        { timeoutMs: 60_000 },
      );
      expect(await readdir(path)).toHaveLength(1);
    },
  );

  test('an empty folder is a free lock', async () => {
    await mkdir(path);
    await using lock = await acquireFileLock(path, { timeoutMs: 0 });
    await lock.assertHeld();
  });

  test.each<[string, () => Promise<void>]>([
    ['a symbolic link to nowhere', () => symlink('/nowhere', path)],
    ['a symbolic link to a file', () => symlink(process.execPath, path)],
  ])('%s makes it unavailable at once', async (_, put) => {
    await put();
    await expect(acquireFileLock(path)).rejects.toMatchObject({
      code: 'ERR_LOCK_UNAVAILABLE',
      message: expect.stringContaining(path),
    });
  });

  test('without the folder it should lie in, a lock is unavailable, and the cause is kept', async () => {
    const error: FileLockError = await acquireFileLock(join(folder, 'none/lock')).then(
      () => expect.unreachable(),
      (reason) => reason,
    );
    expect(error).toMatchObject({ code: 'ERR_LOCK_UNAVAILABLE', cause: { code: 'ENOENT' } });
  });
});

test.each<[string, object]>([
  ['timeoutMs', { timeoutMs: Number.NaN }],
  ['timeoutMs', { timeoutMs: -1 }],
  ['timeoutMs', { timeoutMs: '5' }],
  ['staleMs', { staleMs: Number.NaN }],
  ['staleMs', { staleMs: 0 }],
  ['staleMs', { staleMs: -1 }],
])('%s that is no time is refused: %j', async (name, options) => {
  const refused = { code: 'ERR_ARGUMENT', argument: `options.${name}` };
  await expect(acquireFileLock(path, options)).rejects.toMatchObject(refused);
  await expect(withFileLock(path, options, async () => {})).rejects.toMatchObject(refused);
  expect(await readdir(folder)).toEqual([]);
});

test('a lock that never counts as abandoned is not renewed all the time', async () => {
  const intervals: number[] = [];
  const every = (intervalMs: number): (() => void) => {
    intervals.push(intervalMs);
    return () => {};
  };
  await using _lock = await acquireOn({ ...lockSystem, every }, path, { staleMs: Number.POSITIVE_INFINITY });
  expect(intervals).toEqual([2 ** 31 - 1]);
});

test('a lock can be given on as a value', async () => {
  const held: FileLock = await acquireFileLock(path);
  expect(held.path).toBe(path);
  expect(held.signal.aborted).toBe(false);
  await held[Symbol.asyncDispose]();
});
