import { execFileSync } from 'node:child_process';
import { chmod, mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { runCli } from './run-cli.ts';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'slipway-compiled-'));
});

afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

const help = (env: Record<string, string> = {}) =>
  runCli(['push', '--help'], { env: { XDG_CACHE_HOME: folder, ...env } });

async function kept(): Promise<string[]> {
  const names = await readdir(join(folder, 'slipway')).catch(() => []);
  return names.map((name) => join(folder, 'slipway', name));
}

describe('what V8 compiled of the program', () => {
  test('is kept for the next run, readable for its owner alone', async () => {
    const { code } = await help();
    expect(code).toBe(0);
    const [file = '', ...others] = await kept();
    expect(others).toEqual([]);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    const { mtimeMs } = await stat(file);
    expect((await help()).code).toBe(0);
    expect((await stat(file)).mtimeMs, 'V8 took it, and the second run adds nothing').toBe(mtimeMs);
  });

  test('grows by what a run first needs, however many before it needed less', async () => {
    for (let run = 1; run <= 5; run += 1) await help();
    const [file = ''] = await kept();
    const { size } = await stat(file);
    const push = () => runCli(['push', 'docker-archive:/nowhere', 'x.invalid/a'], { env: { XDG_CACHE_HOME: folder } });
    expect((await push()).code).not.toBe(0);
    const grown = await stat(file);
    expect(grown.size).toBeGreaterThan(1.05 * size);
    await push();
    await help();
    expect((await stat(file)).mtimeMs, 'neither adds anything').toBe(grown.mtimeMs);
  });

  test('is kept in the folder that NODE_COMPILE_CACHE names', async () => {
    const named = join(folder, 'named');
    await help({ NODE_COMPILE_CACHE: named });
    expect(await kept()).toEqual([]);
    expect((await readdir(join(named, 'slipway'))).length).toBe(1);
  });

  test('is made anew when it is damaged', async () => {
    await help();
    const [file = ''] = await kept();
    const good = await readFile(file);
    await writeFile(file, good.subarray(0, 100));
    const { code, stderr } = await help();
    expect([code, stderr]).toEqual([0, '']);
    expect((await readFile(file)).byteLength).toBeGreaterThan(100);
  });

  test('is not taken from a file that others can write', async () => {
    await help();
    const [file = ''] = await kept();
    await chmod(file, 0o666);
    await help();
    expect((await stat(file)).mode & 0o777, 'replaced by one of its own').toBe(0o600);
  });

  test.skipIf(process.platform === 'win32')('does not hang when a pipe has its name', async () => {
    await help();
    const [file = ''] = await kept();
    await rm(file);
    execFileSync('mkfifo', ['-m', '600', file]);
    expect((await help()).code).toBe(0);
    expect((await stat(file)).isFile(), 'replaced by one of its own').toBe(true);
  });

  test('of programs that were replaced is removed after a while', async () => {
    await help();
    const [file = ''] = await kept();
    const [old, young, other] = ['old.v8cache', 'young.v8cache', 'other'].map((name) => join(folder, 'slipway', name));
    for (const path of [old, young, other]) await writeFile(path as string, '');
    const longAgo = new Date(Date.now() - 100 * 24 * 60 * 60 * 1000);
    for (const path of [old, other]) await utimes(path as string, longAgo, longAgo);
    await rm(file);
    await help();
    expect((await kept()).sort()).toEqual([file, young, other].sort());
  });

  test('is not kept when that is not wished, and not missed where nothing can be written', async () => {
    expect((await help({ NODE_DISABLE_COMPILE_CACHE: '1' })).code).toBe(0);
    expect(await kept()).toEqual([]);
    const { code, stderr } = await help({ XDG_CACHE_HOME: '/dev/null' });
    expect([code, stderr]).toEqual([0, '']);
  });
});
