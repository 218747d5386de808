import { rename, rm } from 'node:fs/promises';

const folderCodes: ReadonlySet<unknown> = new Set(['EISDIR', 'ENOTEMPTY', 'EEXIST']);

/** What keeps a path from being a file of ours: there is none, or a folder, a FIFO or a link lies there or above it. */
export const absentCodes: ReadonlySet<unknown> = new Set(['ENOENT', 'ENOTDIR', 'EISDIR', 'ELOOP', 'ENXIO']);

/** Puts a draft in the place of a file. A folder that lies there is damage, and makes room. */
export async function renameOver(draft: string, path: string): Promise<void> {
  try {
    await rename(draft, path);
  } catch (error) {
    if (!folderCodes.has(codeOf(error))) throw error;
    await rm(path, { recursive: true });
    await rename(draft, path);
  }
}

/** The code of a failure of the system. */
export function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}
