import { randomBytes } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { access, constants, realpath, rename, rm, stat } from 'node:fs/promises';
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
    throw aboutPath(path, cause);
  }
}

/**
 * Says beforehand what can be known of {@link wholeFile}: whether there is a folder to write into, and no folder in the
 * file's place.
 */
export async function assertWritable(path: string): Promise<void> {
  if (await isNoFile(path)) return;
  const target = await realpath(path).catch(() => path);
  try {
    if ((await stat(target).catch(() => undefined))?.isDirectory() === true) {
      throw refusal('EISDIR: illegal operation on a directory');
    }
    if (!(await stat(dirname(target))).isDirectory()) throw refusal('ENOTDIR: not a directory');
    await access(dirname(target), constants.W_OK | constants.X_OK);
  } catch (cause) {
    throw aboutPath(path, cause);
  }
}

/** What opening would be refused with. */
function refusal(message: string): Error {
  return Object.assign(new Error(message), { code: message.split(':')[0], syscall: 'open' });
}

/** A failure of the system as one of the path that the user named, whatever file stood in for it. */
function aboutPath(path: string, cause: unknown): unknown {
  const { code, syscall, message } = cause as NodeJS.ErrnoException;
  if (syscall === undefined) return cause;
  const reason = message.replace(/, \w+(?: '.*)?$/s, '');
  return Object.assign(new Error(`${reason}, ${JSON.stringify(path)}`, { cause }), { code, syscall, path });
}

/** Whether it is a device, a pipe or a socket, or another name of what this process has open. */
async function isNoFile(path: string): Promise<boolean> {
  if (/^\/(?:dev|proc)\//.test(resolve(path))) return true;
  const stats = await stat(path).catch(() => undefined);
  return stats !== undefined && !stats.isFile() && !stats.isDirectory();
}
