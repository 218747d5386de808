import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { type TemporaryFolder, temporaryFolder } from '@slipway/testkit';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { type FolderLock, lockFolder } from './folder-lock.ts';

let folder: TemporaryFolder;
beforeEach(async () => {
  folder = await temporaryFolder();
});
afterEach(() => folder[Symbol.asyncDispose]());

const lock = (options: { isShared?: boolean; waitMs?: number; path?: string; onWait?: () => void } = {}) =>
  lockFolder({ folder: options.path ?? folder.path, isShared: false, waitMs: 20_000, ...options });
const owners = (): Promise<readonly string[]> => readdir(join(folder.path, 'owners'));

test('one at a time, by whatever name the folder goes', async () => {
  const first = await lock();
  const other = join(folder.path, 'other');
  await symlink(folder.path, other);
  await expect(lock({ path: other })).rejects.toMatchObject({ code: 'ERR_SERVER_FOLDER_IN_USE' });
  await expect(lock({ isShared: true })).rejects.toThrow(String(process.pid));
  await first[Symbol.asyncDispose]();
  await using _second = await lock();
  expect(await owners()).toHaveLength(1);
});

test('a folder that is gone is left without a failure', async () => {
  const path = join(folder.path, 'data');
  await mkdir(path);
  const held = await lock({ path });
  await rm(path, { recursive: true });
  await held[Symbol.asyncDispose]();
});

test('those that share a Redis share the folder, and nobody else does', async () => {
  const first = await lock({ isShared: true });
  const second = await lock({ isShared: true });
  await first[Symbol.asyncDispose]();
  await expect(lock()).rejects.toMatchObject({ code: 'ERR_SERVER_FOLDER_IN_USE' });
  await second[Symbol.asyncDispose]();
  await using _alone = await lock();
});

test('one that is about to leave is waited for', async () => {
  const first = await lock();
  first.leaving();
  const onWait = vi.fn();
  const second = lock({ onWait });
  await vi.waitFor(() => expect(onWait).toHaveBeenCalledOnce(), { timeout: 10_000 });
  await first[Symbol.asyncDispose]();
  await (await second)[Symbol.asyncDispose]();
  expect(await owners()).toEqual([]);
});

test('one that says it leaves and does not is given up on', async () => {
  await using first = await lock();
  first.leaving();
  await expect(lock({ waitMs: 50 })).rejects.toMatchObject({ code: 'ERR_SERVER_FOLDER_IN_USE' });
});

test('of several that come at once, one has it', async () => {
  const outcomes = await Promise.allSettled(Array.from({ length: 12 }, () => lock()));
  const held = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
  expect(held).toHaveLength(1);
  await held[0]?.[Symbol.asyncDispose]();
});

/** One that asks for the folder as well, under a name that comes after all of ours, or before them. */
async function rival(says: { isHolding: boolean; ticket: number }, name = 'z.sock'): Promise<AsyncDisposable> {
  await mkdir(join(folder.path, 'owners'), { recursive: true });
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.end(`${JSON.stringify({ pid: 7, isShared: false, ...says })}\n`);
  });
  server.listen(join(folder.path, 'owners', name));
  await once(server, 'listening');
  return server;
}

test.each([
  ['has its ticket already', 1],
  ['draws its ticket still', 0],
])('one that %s, and may not have seen us, is before us whatever its name', async (_, ticket) => {
  const says = { isHolding: false, ticket };
  await using _rival = await rival(says);
  const outcome = lock().then(
    () => 'taken',
    (error: { code: string }) => error.code,
  );
  expect(await Promise.race([outcome, setTimeout(300, 'waits')])).toBe('waits');
  says.isHolding = true;
  expect(await outcome).toBe('ERR_SERVER_FOLDER_IN_USE');
});

test('one that drew after us is behind us, whatever its name', async () => {
  const before = await rival({ isHolding: false, ticket: 3 });
  const held = lock();
  expect(await Promise.race([held.then(() => 'taken'), setTimeout(300, 'waits')])).toBe('waits');
  await using _behind = await rival({ isHolding: false, ticket: 5 }, '-.sock');
  await before[Symbol.asyncDispose]();
  await (await held)[Symbol.asyncDispose]();
});

test('what a process leaves that was killed is no lock; a process that is stopped has it still', async () => {
  const script = `
    const { createServer } = require('node:net');
    createServer((socket) => socket.write('{"pid":1,"isHolding":true}\\n')).listen(process.argv[1], () => console.log('up'));`;
  await mkdir(join(folder.path, 'owners'));
  const child = spawn(process.execPath, ['-e', script, join(folder.path, 'owners', 'a.sock')]);
  const exited = once(child, 'exit');
  await once(child.stdout, 'data');
  await expect(lock()).rejects.toMatchObject({ code: 'ERR_SERVER_FOLDER_IN_USE' });
  child.kill('SIGSTOP');
  await expect(lock()).rejects.toMatchObject({ code: 'ERR_SERVER_FOLDER_IN_USE' });
  child.kill('SIGKILL');
  await exited;
  const held: FolderLock = await lock();
  expect(await owners()).not.toContain('a.sock');
  await held[Symbol.asyncDispose]();
});

test('a folder whose path is longer than that of a socket may be', async () => {
  const path = join(folder.path, 'a'.repeat(100), 'b'.repeat(100));
  await mkdir(path, { recursive: true });
  await using _held = await lock({ path });
  await expect(lock({ path })).rejects.toMatchObject({ code: 'ERR_SERVER_FOLDER_IN_USE' });
});

test('with pipes, files in the folder tell where they are, and one that a dead daemon left is no lock', async () => {
  await using pipes = await temporaryFolder();
  const withPipe = () =>
    lockFolder({ folder: folder.path, isShared: false, waitMs: 50, pipeOf: (name) => join(pipes.path, name) });
  await mkdir(join(folder.path, 'owners'));
  await writeFile(join(folder.path, 'owners', '0.sock'), '');
  const first = await withPipe();
  expect(await owners()).toEqual(await readdir(pipes.path));
  await expect(withPipe()).rejects.toMatchObject({ code: 'ERR_SERVER_FOLDER_IN_USE' });
  await first[Symbol.asyncDispose]();
  expect(await owners()).toEqual([]);
  await using _second = await withPipe();
});
