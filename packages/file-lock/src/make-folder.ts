import { mkdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { aCount, assertArgument, aText } from '@slipway/arguments';
import { systemCodeOf } from './system-code.ts';

/**
 * Makes a folder, and those above it, where they are not there. Unlike `mkdir` with `recursive`, it fails with the
 * system's own reason: `EROFS` or `ENOSPC`, where that says `ENOENT`.
 *
 * @param mode permissions of each folder that is made, before the umask
 */
export async function makeFolder(path: string, mode = 0o777): Promise<void> {
  assertArgument('path', path, aText);
  assertArgument('mode', mode, aCount);
  try {
    await mkdir(path, { mode });
  } catch (error) {
    const parent = dirname(path);
    if (systemCodeOf(error) === 'ENOENT' && parent !== path) {
      await makeFolder(parent, mode);
      await makeLast(path, mode);
    } else if (!(await isFolder(path))) {
      throw error;
    }
  }
}

/** Another process may make it at the same moment. */
async function makeLast(path: string, mode: number): Promise<void> {
  try {
    await mkdir(path, { mode });
  } catch (error) {
    if (!(await isFolder(path))) throw error;
  }
}

async function isFolder(path: string): Promise<boolean> {
  return await stat(path).then(
    (status) => status.isDirectory(),
    () => false,
  );
}
