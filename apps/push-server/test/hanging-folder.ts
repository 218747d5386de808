import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants, statSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { endWithThisProcess, requireTool } from '@slipway/testkit';

/** A folder on a file system that can hang, as a network's does whose server is gone. Leaving scope takes it away. */
export interface HangingFolder extends AsyncDisposable {
  readonly path: string;
  /** Whoever asks anything of it waits from now on. */
  suspend(): void;
  resume(): void;
}

/** Why there can be none here, or false. In CI, a machine without bindfs is an error. */
export function unlessHanging(): string | false {
  const unless = requireTool('bindfs');
  if (unless !== false) return unless;
  try {
    accessSync('/dev/fuse', constants.R_OK | constants.W_OK);
    return false;
  } catch {
    return 'nobody may mount a file system of their own here: no /dev/fuse';
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
