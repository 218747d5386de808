import { randomBytes } from 'node:crypto';
import { lstat } from 'node:fs/promises';
import { join } from 'node:path';
import { readTextWithin } from '@slipway/read-file';
import { ServerError } from '../../errors.ts';
import { createFileOnce } from './create-file-once.ts';

/**
 * Tells a data folder from others, whatever its path and machine: made once, and kept in it.
 *
 * @throws {ServerError} `ERR_SERVER_CONFIG` when the file is damaged
 */
export async function readFolderID(dataDir: string): Promise<string> {
  const file = join(dataDir, 'folder-id');
  await createFileOnce(file, Buffer.from(randomBytes(8).toString('hex')));
  return await readID(file);
}

/** Looks whether the file that is there is whole. @throws {ServerError} `ERR_SERVER_CONFIG` when it is damaged */
export async function checkFolderID(dataDir: string): Promise<void> {
  const file = join(dataDir, 'folder-id');
  const isThere = await lstat(file).catch(() => undefined);
  if (isThere !== undefined) await readID(file);
}

async function readID(file: string): Promise<string> {
  const id = await readTextWithin(file, { maxBytes: 1_024 });
  if (/^[0-9a-f]{16}$/.test(id)) return id;
  throw new ServerError('ERR_SERVER_CONFIG', `${JSON.stringify(file)} is damaged: expected 16 hex digits`, {
    hint: 'restore it: push jobs that lie in this folder are found by it',
  });
}
