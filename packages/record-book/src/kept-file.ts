import { randomUUID } from 'node:crypto';
import { constants, type FileHandle, lstat, open, readdir, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { meansAbsent, renameOver } from '@slipway/file-lock';

/** Which file it is, how long, and when it was written: the number alone may be that of a file that is gone. */
export interface FileState {
  readonly ino: number;
  readonly size: number;
  readonly mtimeMs: number;
}

/** A file as it was read at once. */
export interface KeptFile extends FileState {
  readonly bytes: Buffer;
}

/** What is larger is none of ours: it is not read, and the next write replaces it. */
const maxFileSize = 96 * 1024 * 1024;

/** Opening a FIFO would wait for its other end, for good. A link may lead to a file that is none of ours. */
const carefully = (constants.O_NONBLOCK ?? 0) | (constants.O_NOFOLLOW ?? 0);

/** What lies at a path now; undefined when nothing does. */
export async function stateOf(path: string): Promise<FileState | undefined> {
  try {
    const { ino, size, mtimeMs } = await lstat(path);
    return { ino, size, mtimeMs };
  } catch (error) {
    if (meansAbsent(error)) return undefined;
    throw error;
  }
}

/** Opens a file to read it; undefined when there is nothing that could be ours. */
export async function openKept(path: string): Promise<(FileState & { readonly file: FileHandle }) | undefined> {
  try {
    const file = await open(path, constants.O_RDONLY | carefully);
    const status = await file.stat();
    const { ino, size, mtimeMs } = status;
    if (status.isFile() && size <= maxFileSize) return { ino, size, mtimeMs, file };
    await file.close();
    return undefined;
  } catch (error) {
    if (meansAbsent(error)) return undefined;
    throw error;
  }
}

/** Reads a piece of a file; less where the file is shorter. */
export async function readAt(file: FileHandle, start: number, size: number): Promise<Buffer> {
  const buffer = Buffer.allocUnsafeSlow(size);
  let length = 0;
  while (length < size) {
    const { bytesRead } = await file.read(buffer, length, size - length, start + length);
    if (bytesRead === 0) break;
    length += bytesRead;
  }
  return buffer.subarray(0, length);
}

/** Reads a whole file; undefined when there is nothing that could be ours. */
export async function readKept(path: string): Promise<KeptFile | undefined> {
  const opened = await openKept(path);
  if (opened === undefined) return undefined;
  const { file, ino, size, mtimeMs } = opened;
  try {
    const bytes = await readAt(file, 0, size);
    return { ino, size: bytes.length, mtimeMs, bytes };
  } finally {
    await file.close();
  }
}

/** Adds bytes to the end of a file that is there, in one write. */
export async function appendTo(path: string, bytes: Buffer): Promise<void> {
  await using file = await open(path, constants.O_WRONLY | constants.O_APPEND | carefully);
  for (let at = 0; at < bytes.length; ) at += (await file.write(bytes, at)).bytesWritten;
}

export interface ReplaceOptions {
  /** Wait until the bytes are on the disk: no power cut leaves a file that is empty in the place of a full one. */
  readonly isDurable: boolean;
  /** Called before the file takes its place. */
  readonly confirm: () => Promise<void>;
}

/** Puts a file in the place of whatever lies there: readers see the old one or the new one, whole. */
export async function replaceFile(
  path: string,
  pieces: readonly Buffer[],
  { isDurable, confirm }: ReplaceOptions,
): Promise<void> {
  const draft = `${draftStartOf(path)}${randomUUID()}`;
  try {
    await writeDraft(draft, pieces, isDurable);
    await confirm();
    await renameOver(draft, path);
  } catch (error) {
    await rm(draft, { force: true }).catch(() => {});
    throw error;
  }
}

/** Deletes what writers left of a file that were killed. Nobody else may be writing it. */
export async function clearDrafts(path: string): Promise<void> {
  const folder = dirname(path);
  const start = basename(draftStartOf(path));
  for (const name of await readdir(folder)) {
    if (name.startsWith(start)) await rm(join(folder, name), { force: true });
  }
}

async function writeDraft(path: string, pieces: readonly Buffer[], isDurable: boolean): Promise<void> {
  await using file = await open(path, 'wx', 0o600);
  const owner = await ownerAbove(path);
  if (owner !== undefined) await file.chown(owner.uid, owner.gid).catch(() => {}); // not everywhere may root do so
  await file.writeFile(Buffer.concat(pieces));
  if (isDurable) await file.datasync();
}

/** What root writes into the folder of a user stays the user's: there is one file for all that is remembered. */
async function ownerAbove(path: string): Promise<{ readonly uid: number; readonly gid: number } | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  const { uid, gid } = await stat(dirname(path));
  return uid === 0 ? undefined : { uid, gid };
}

function draftStartOf(path: string): string {
  return `${path}.draft-`;
}
