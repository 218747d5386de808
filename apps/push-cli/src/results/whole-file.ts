import { randomBytes } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { realpath, rename, rm, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { AbortOptions, ByteStream } from '@slipway/digest';

/**
 * Writes a file so that a reader sees the old one, or the whole new one. A link stays one. What is no file, as
 * `/dev/null` or a pipe, is written to and never replaced.
 */
export async function wholeFile(
  path: string,
  content: ByteStream | Iterable<string>,
  { signal }: AbortOptions = {},
): Promise<void> {
  if (await isNoFile(path)) {
    await pipeline(content, createWriteStream(path), { signal });
    return;
  }
  const target = await realpath(path).catch(() => path); // it may not exist yet
  const temporary = join(dirname(target), `.slipway-${randomBytes(6).toString('hex')}`);
  try {
    await pipeline(content, createWriteStream(temporary, { flags: 'wx', flush: true }), { signal });
    await rename(temporary, target);
  } catch (cause) {
    await rm(temporary, { force: true }).catch(() => {}); // best effort: what matters is the reason
    throw cause;
  }
}

/** Whether it is a device, a pipe or a socket, or another name of what this process has open. */
async function isNoFile(path: string): Promise<boolean> {
  if (/^\/(?:dev|proc)\//.test(resolve(path))) return true;
  const stats = await stat(path).catch(() => undefined);
  return stats !== undefined && !stats.isFile() && !stats.isDirectory();
}
