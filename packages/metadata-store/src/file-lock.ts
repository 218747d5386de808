import { randomUUID } from 'node:crypto';
import { readFile, rm, stat, unlink, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { MetadataStoreError } from './errors.ts';

/** A lock is held for milliseconds. One that is older than this was left behind where its owner's death cannot be seen. */
const maxHoldMs = 30_000;
/** A lock that names nobody is being written, which takes microseconds, or its maker was killed before it could. */
const maxNamelessMs = 1_000;

export interface FileLockOptions {
  /** How long to wait for other processes. */
  readonly timeoutMs: number;
}

/**
 * Runs `work` while this process, and within it this call, alone holds the lock file at `path`.
 * The lock of a process that died is taken over.
 *
 * @throws {MetadataStoreError} `ERR_STORE_LOCKED` when others hold it for longer than `timeoutMs`.
 */
export async function withFileLock<T>(path: string, options: FileLockOptions, work: () => Promise<T>): Promise<T> {
  const owner = `${process.pid}\n${hostname()}\n${randomUUID()}\n`;
  const start = performance.now();
  for (let attempt = 0; !(await tryCreate(path, owner)); attempt += 1) {
    if (await takeOver(path)) continue;
    const waited = performance.now() - start;
    if (waited >= options.timeoutMs) {
      throw new MetadataStoreError('ERR_STORE_LOCKED', `Another process held ${path} for ${Math.round(waited)} ms`);
    }
    await delay(Math.min(2 ** attempt, 20) * (0.5 + Math.random()));
  }
  try {
    return await work();
  } finally {
    // Not after a pause so long that another took over: the file is then theirs.
    if ((await readText(path)) === owner) await rm(path, { force: true });
  }
}

async function tryCreate(path: string, content: string): Promise<boolean> {
  try {
    await writeFile(path, content, { flag: 'wx', mode: 0o600 });
    return true;
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    throw error;
  }
}

/**
 * Removes a lock whose owner died. Of several that try, the one that creates the takeover file of this very owner may
 * remove the lock; it looks again before, so that a lock that was taken anew meanwhile survives.
 */
async function takeOver(path: string): Promise<boolean> {
  const owner = await readText(path);
  if (owner === undefined || !(await isAbandoned(path, owner))) return false;
  const takeover = `${path}.${owner.split('\n')[2] || 'unknown'}`;
  if (!(await tryCreate(takeover, ''))) {
    if (await isOlderThan(takeover, maxHoldMs)) await rm(takeover, { force: true }); // its maker died too
    return false;
  }
  try {
    if ((await readText(path)) === owner) await unlink(path);
    return true;
  } finally {
    await rm(takeover, { force: true });
  }
}

async function isAbandoned(path: string, owner: string): Promise<boolean> {
  const [pid = '', host] = owner.split('\n');
  if (host === hostname() && /^\d+$/.test(pid) && !isAlive(Number(pid))) return true;
  return await isOlderThan(path, owner === '' ? maxNamelessMs : maxHoldMs);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return codeOf(error) === 'EPERM'; // alive, and somebody else's
  }
}

async function isOlderThan(path: string, ageMs: number): Promise<boolean> {
  const status = await stat(path).catch(() => undefined);
  return status !== undefined && Date.now() - status.mtimeMs > ageMs;
}

async function readText(path: string): Promise<string | undefined> {
  return await readFile(path, 'utf8').catch(() => undefined);
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}
