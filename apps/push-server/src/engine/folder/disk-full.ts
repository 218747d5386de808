import { ServerError } from '../../errors.ts';

/** Whether a failure comes from a disk without room, or from a quota that the system keeps on it. */
export function isDiskFull(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const { code } = error as NodeJS.ErrnoException;
  return code === 'ENOSPC' || code === 'EDQUOT' || isDiskFull(error.cause);
}

/** What cannot be done without a little room in the data folder. */
export function fullDisk(folder: string, cause: unknown): ServerError {
  return new ServerError('ERR_SERVER_DISK_FULL', `The disk of the data folder ${JSON.stringify(folder)} is full`, {
    cause,
    hint: 'free some space on it (a few megabytes do to delete images then), or name another folder with --data-dir',
  });
}
