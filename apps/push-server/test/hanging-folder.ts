import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { endWithThisProcess, requireTool } from '@slipway/testkit';

/** A folder on a file system that can hang, as a network's does whose server is gone. Leaving scope takes it away. */
export interface HangingFolder extends AsyncDisposable {
  readonly path: string;
  /** From now on, every request to it waits. */
  suspend(): void;
  resume(): void;
}

/** Why there can be none here, or false. In CI, a machine without bindfs is an error. */
export const unlessHanging: string | false = requireTool('bindfs');

/** What the system says to whoever mounts a file system of their own; undefined where they may, or have no program. */
export function refusalToMount(): string | undefined {
  if (unlessHanging !== false) return undefined;
  const folder = mkdtempSync(join(tmpdir(), 'slipway-mount-'));
  try {
    const { status, stderr } = spawnSync('bindfs', [folder, folder], { encoding: 'utf8', timeout: 10_000 });
    if (status !== 0) return stderr.trim().replaceAll(folder, 'a folder') || `bindfs ended with ${status}`;
    execFileSync('fusermount', ['-u', '-z', folder]);
    return undefined;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Shows `folder/behind` at `folder/seen`, by a process that can be stopped. */
export async function mountHangingFolder(folder: string): Promise<HangingFolder> {
  const [behind, path] = [join(folder, 'behind'), join(folder, 'seen')];
  await Promise.all([mkdir(behind), mkdir(path)]);
  const { dev } = statSync(path);
  const child = spawn('bindfs', ['-f', '-o', 'attr_timeout=0,entry_timeout=0', behind, path], { stdio: 'inherit' });
  endWithThisProcess(child);
  const exited = once(child, 'exit');
  while (statSync(path).dev === dev) {
    if (child.exitCode !== null) throw new Error(`bindfs ended with ${child.exitCode}`);
    await delay(20);
  }
  return {
    path,
    suspend: () => void child.kill('SIGSTOP'),
    resume: () => void child.kill('SIGCONT'),
    async [Symbol.asyncDispose]() {
      child.kill('SIGCONT');
      execFileSync('fusermount', ['-u', '-z', path]);
      await exited;
    },
  };
}
