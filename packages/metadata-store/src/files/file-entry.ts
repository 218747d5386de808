import { randomUUID } from 'node:crypto';
import { constants, open, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { makeFolder, meansAbsent, renameOver } from '@slipway/file-lock';

/** Fifty records need 16 KiB. */
const maxValueSize = 1024 * 1024;

/** What the name of an entry begins with that is being written, or whose writer died. */
export const draftStart = '.tmp-';

/**
 * Reads a file of the store. What is no file, or too large to be ours, counts as absent, like what cannot be parsed.
 */
export async function readEntry(path: string): Promise<Uint8Array | undefined> {
  try {
    // Opening a FIFO would wait for its writer, for good.
    await using file = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
    const status = await file.stat();
    return status.isFile() && status.size <= maxValueSize ? await file.readFile() : undefined;
  } catch (error) {
    if (meansAbsent(error)) return undefined;
    throw error;
  }
}

export interface WriteEntryOptions {
  /** Wait until it is on the disk, and would survive a power cut. */
  readonly isDurable: boolean;
  /** Permissions, whatever the umask says. @default 0o600, or less by the umask */
  readonly mode: number | undefined;
}

/** Writes a file of the store: readers see the old value or the new one, whole. */
export async function writeEntry(path: string, value: Uint8Array, options: WriteEntryOptions): Promise<void> {
  const folder = dirname(path);
  const draft = join(folder, `${draftStart}${randomUUID()}`);
  try {
    await writeDraft(draft, value, options).catch(async (error: unknown) => {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      await makeFolder(folder, 0o755); // the first entry
      await writeDraft(draft, value, options);
    });
    await renameOver(draft, path);
    if (options.isDurable) await syncFolder(folder);
  } catch (error) {
    await rm(draft, { force: true }).catch(() => {});
    throw error;
  }
}

async function writeDraft(path: string, value: Uint8Array, { isDurable, mode }: WriteEntryOptions): Promise<void> {
  await using file = await open(path, 'wx', mode ?? 0o600);
  if (mode !== undefined) await file.chmod(mode);
  await file.writeFile(value);
  if (isDurable) await file.sync();
}

/** The name of a new file is on the disk only once its folder is. */
async function syncFolder(path: string): Promise<void> {
  if (process.platform === 'win32') return; // folders cannot be opened there
  await using folder = await open(path, 'r');
  await folder.sync();
}
