import { randomUUID } from 'node:crypto';
import { link, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { algorithmOf, type Digest, digestBytes, encodedOf, isDigest } from '@slipway/digest';
import { type FileLock, FileLockError, makeFolder, withFileLock } from '@slipway/file-lock';
import type { Descriptor } from '@slipway/manifest';
import { FileRefusedError, readFileWithin, readTextWithin } from '@slipway/read-file';
import { ImageStoreError } from '../errors.ts';

/** Bytes that a manifest or a config may have. */
export const maxDocumentBytes: number = 8 * 1024 * 1024;

/** Bytes that a list of images may have: a hundred thousand images take about half of that. */
const maxIndexBytes = 64 * 1024 * 1024;

/**
 * Changes of the store take milliseconds; who waits should see the lock of a dead container taken, not give up before.
 */
const staleMs = 5_000;

/** A blob file as it lies on the disk. */
export interface BlobFile {
  readonly digest: Digest;
  readonly path: string;
  readonly size: number;
  readonly mtimeMs: number;
}

/**
 * The files of a store folder: an OCI image layout, `repositories.json` beside it, and what is ours alone in
 * `.slipway`.
 */
export class StoreFiles {
  readonly folder: string;
  readonly #lockTimeoutMs: number;
  #queue: Promise<unknown> = Promise.resolve();

  constructor(folder: string, lockTimeoutMs: number) {
    this.folder = folder;
    this.#lockTimeoutMs = lockTimeoutMs;
  }

  /** Where loads gather and what is being read is held. */
  get workFolder(): string {
    return join(this.folder, '.slipway', 'work');
  }

  blobPath(digest: Digest): string {
    return join(this.folder, blobName(digest));
  }

  /** Makes the folders and the marker of a layout. */
  async prepare(): Promise<void> {
    await makeFolder(this.workFolder, 0o700);
    await makeFolder(join(this.folder, 'blobs', 'sha256'), 0o755);
    const marker = '{"imageLayoutVersion":"1.0.0"}';
    if ((await this.read('oci-layout')) === undefined) await this.write('oci-layout', marker, 0o644);
  }

  /**
   * A small file of the folder; undefined when it is not there.
   * @throws {ImageStoreError} `ERR_IMAGE_STORE_CORRUPT` for what no store writes: a pipe, or a device without an end
   */
  async read(name: string): Promise<string | undefined> {
    try {
      return await readTextWithin(join(this.folder, name), { maxBytes: maxIndexBytes });
    } catch (error) {
      if (isAbsent(error)) return undefined;
      throw asDamage(error);
    }
  }

  /** Readers see the old file or the new one, whole, even if the machine stops in between. */
  async write(name: string, content: string | Uint8Array, mode: number): Promise<void> {
    const draft = join(this.folder, '.slipway', `draft-${randomUUID()}`);
    try {
      const file = await open(draft, 'wx', mode);
      try {
        await file.chmod(mode); // whatever the umask says
        await file.writeFile(content);
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(draft, join(this.folder, name));
    } catch (error) {
      await rm(draft, { force: true });
      throw error;
    }
  }

  /** Runs `work` while no other process, and no other caller here, changes the store. */
  async locked<T>(work: (lock: FileLock) => Promise<T>): Promise<T> {
    const options = { timeoutMs: this.#lockTimeoutMs, staleMs };
    const turn = this.#queue.then(() => withFileLock(join(this.folder, '.slipway', 'lock'), options, work));
    this.#queue = turn.catch(() => {}); // whoever asked hears of it
    return await turn;
  }

  /**
   * A manifest or a config, proven. Undefined when it is not there.
   * @throws {ImageStoreError} `ERR_IMAGE_STORE_CORRUPT`
   */
  async document({ digest }: Pick<Descriptor, 'digest'>): Promise<Uint8Array | undefined> {
    const path = this.blobPath(digest);
    const size = await sizeOf(path);
    if (size === undefined) return undefined;
    const bytes = await readFileWithin(path, { maxBytes: maxDocumentBytes }).catch((error: unknown) => {
      if (error instanceof FileRefusedError) return undefined;
      throw error;
    });
    if (bytes !== undefined && digestBytes(bytes, algorithmOf(digest)) === digest) return bytes;
    throw new ImageStoreError('ERR_IMAGE_STORE_CORRUPT', `${JSON.stringify(path)} is damaged`, {
      hint: 'Delete the image and load it again',
    });
  }

  /**
   * Takes a file in as a blob, and leaves it where it is too: whoever finds it there after a crash knows what came of
   * it. The file was proven to be the blob; one of that name that is another file may be damaged, and is replaced. Call
   * it with the lock held.
   *
   * @throws {ImageStoreError} `ERR_IMAGE_STORE_CORRUPT` when the file is not there or not as large: somebody took it
   * away
   */
  async adopt(path: string, digest: Digest, size: number): Promise<void> {
    const blob = this.blobPath(digest);
    if ((await sizeOf(path)) !== size) throw takenAwayError(path, digest);
    await makeFolder(dirname(blob), 0o755);
    if (!(await isSameFile(path, blob))) await this.#replace(path, blob);
    if ((await sizeOf(blob)) !== size) throw takenAwayError(blob, digest);
  }

  /** Gives the file the blob's name too, whatever has it; without links, the file is moved. */
  async #replace(path: string, blob: string): Promise<void> {
    const draft = join(this.folder, '.slipway', `draft-${randomUUID()}`);
    try {
      await link(path, draft);
    } catch (error) {
      if (!cannotLink(error)) throw error;
      return await rename(path, blob);
    }
    try {
      await rename(draft, blob);
    } catch (error) {
      await rm(draft, { force: true });
      throw error;
    }
  }

  /** Removes blobs and tells how many bytes that freed. Call it with the lock held. */
  async remove(digests: Iterable<Digest>): Promise<number> {
    let freed = 0;
    for (const digest of digests) {
      const path = this.blobPath(digest);
      freed += (await sizeOf(path)) ?? 0;
      await rm(path, { force: true });
    }
    return freed;
  }

  /** Every blob there is, referenced or not. */
  async blobs(): Promise<readonly BlobFile[]> {
    const found: BlobFile[] = [];
    for (const algorithm of await namesIn(join(this.folder, 'blobs'))) {
      for (const name of await namesIn(join(this.folder, 'blobs', algorithm))) {
        const digest = `${algorithm}:${name}`;
        if (!isDigest(digest)) continue;
        const path = this.blobPath(digest);
        const status = await stat(path).catch(() => undefined); // gone since it was listed
        if (status?.isFile()) found.push({ digest, path, size: status.size, mtimeMs: status.mtimeMs });
      }
    }
    return found;
  }
}

/** Path of a blob within a layout. */
export function blobName(digest: Digest): string {
  return `blobs/${algorithmOf(digest)}/${encodedOf(digest)}`;
}

/** Bytes of a file; undefined when there is none. */
export async function sizeOf(path: string): Promise<number | undefined> {
  try {
    const status = await stat(path);
    return status.isFile() ? status.size : undefined;
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw error;
  }
}

/** Gives a file a second name; false when there is no such file. */
export async function linkFile(path: string, newPath: string): Promise<boolean> {
  try {
    await link(path, newPath);
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') return true;
    if (isAbsent(error)) return false;
    throw error;
  }
}

/** File systems without hard links (exFAT, some network ones), and files with too many. */
export function cannotLink(error: unknown): boolean {
  const { code = '' } = error as NodeJS.ErrnoException;
  return ['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK', 'EXDEV'].includes(code);
}

/** Whether both names are of one file. */
async function isSameFile(path: string, other: string): Promise<boolean> {
  const [a, b] = await Promise.all([path, other].map((each) => stat(each, { bigint: true }).catch(() => undefined)));
  return a !== undefined && b !== undefined && a.ino === b.ino && a.dev === b.dev && a.ino !== 0n;
}

/** The failure of a load whose files somebody else removes. */
export function takenAwayError(path: string, digest: Digest): ImageStoreError {
  return new ImageStoreError(
    'ERR_IMAGE_STORE_CORRUPT',
    `The blob ${digest} was taken away while the image was being loaded: ${path} is not there in full`,
    { hint: 'Load the image again' },
  );
}

/** What lies in the place of a file that the store keeps, as damage of the store. Everything else passes. */
export function asDamage(error: unknown): unknown {
  if (!(error instanceof FileRefusedError)) return error;
  return new ImageStoreError('ERR_IMAGE_STORE_CORRUPT', error.message, {
    cause: error,
    hint: 'Put the file back, or move the folder away and load the images again',
  });
}

/** What the operating system says, as the one failure that callers are to expect. Everything else passes. */
export function asStoreError(error: unknown, folder: string, operation: string): unknown {
  if (!(error instanceof Error) || error instanceof ImageStoreError) return error;
  if (error instanceof FileLockError && error.code !== 'ERR_LOCK_UNAVAILABLE') {
    return new ImageStoreError('ERR_IMAGE_STORE_LOCKED', error.message, { cause: error });
  }
  const reason = error instanceof FileLockError && error.cause instanceof Error ? error.cause : error;
  const { code, syscall } = reason as NodeJS.ErrnoException;
  if (!(error instanceof FileLockError) && (syscall === undefined || code === undefined)) return error;
  const isFull = code === 'ENOSPC' || code === 'EDQUOT';
  return new ImageStoreError(
    isFull ? 'ERR_IMAGE_STORE_FULL' : 'ERR_IMAGE_STORE_UNAVAILABLE',
    `Cannot ${operation} in the image store ${JSON.stringify(folder)}: ${isFull ? 'the disk is full' : reason.message}`,
    { cause: error, hint: isFull ? 'Delete images, or choose another folder' : undefined },
  );
}

export function isAbsent(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'ENOENT' || code === 'ENOTDIR';
}

/** Names in a folder; none when there is no such folder. */
export async function namesIn(folder: string): Promise<readonly string[]> {
  return await readdir(folder).catch((error: unknown) => (isAbsent(error) ? [] : Promise.reject(error)));
}
