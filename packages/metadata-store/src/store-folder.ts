import { join } from 'node:path';
import { type FileLock, withFileLock } from '@slipway/file-lock';
import { storeFailure } from './store-failure.ts';

/** A write takes milliseconds, and one that comes twice does no harm: a short time will do. */
const staleMs = 3_000;

/** Runs a write with the lock of a store's folder. */
export async function withStoreLock(
  folder: string,
  timeoutMs: number,
  work: (lock: FileLock) => Promise<void>,
): Promise<void> {
  await withFileLock(join(folder, '.slipway-lock'), { timeoutMs, staleMs }, work);
}

/** Runs an operation on a store's folder. Failures of the system and of the lock are told as the store's. */
export async function inStore<T>(folder: string, operation: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof TypeError || !(error instanceof Error)) throw error;
    throw storeFailure(error, `Cannot ${operation} the metadata store in ${folder}`);
  }
}
