import { randomBytes } from 'node:crypto';
import { unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

const pageBytes = 4096;

/**
 * Writes a little into a folder and removes it: what modes say does not tell of file systems that are read-only or
 * full.
 *
 * @param bytes none where only a name is to be made
 * @throws what the system says
 */
export async function tryFolder(folder: string, bytes: number = pageBytes): Promise<void> {
  const probe = join(folder, `.slipwayd-${randomBytes(6).toString('hex')}`);
  try {
    await writeFile(probe, randomBytes(bytes), { flag: 'wx', mode: 0o600 });
  } finally {
    await unlink(probe).catch(() => {});
  }
}
