import { rename, rm } from 'node:fs/promises';
import { assertArgument, aText } from '@slipway/arguments';
import { systemCodeOf } from './system-code.ts';

const folderCodes: ReadonlySet<unknown> = new Set(['EISDIR', 'ENOTEMPTY', 'EEXIST']);
const absentCodes: ReadonlySet<unknown> = new Set(['ENOENT', 'ENOTDIR', 'EISDIR', 'ELOOP', 'ENXIO']);

/** Puts a draft in the place of a file. A folder that lies there is damage, and makes room. */
export async function renameOver(draft: string, path: string): Promise<void> {
  assertArgument('draft', draft, aText);
  assertArgument('path', path, aText);
  try {
    await rename(draft, path);
  } catch (error) {
    if (!folderCodes.has(systemCodeOf(error))) throw error;
    await rm(path, { recursive: true });
    await rename(draft, path);
  }
}

/**
 * Whether a failure says that there is no file of ours at a path: nothing lies there, or a folder, a FIFO or a link, or
 * one of these above it.
 */
export function meansAbsent(error: unknown): boolean {
  return absentCodes.has(systemCodeOf(error));
}
