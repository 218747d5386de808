import { randomUUID } from 'node:crypto';
import { link, open, rm } from 'node:fs/promises';

/** Makes a file that only this user reads, whole or not at all; of several processes the first one's stays. */
export async function createFileOnce(file: string, content: Uint8Array): Promise<void> {
  const draft = `${file}.${randomUUID()}`;
  try {
    {
      await using handle = await open(draft, 'wx', 0o600);
      await handle.writeFile(content);
      await handle.sync();
    }
    await link(draft, file);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
  } finally {
    await rm(draft, { force: true });
  }
}
