import { randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { type FileHandle, mkdir, open, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { ByteStream, Digest } from '@slipway/digest';
import type { Link, RegistryStorage, StoredUpload, UploadFile } from './storage.ts';

/**
 * Keeps everything under one folder, so that a registry can be stopped and started again.
 * Contents lie in `blobs/<algorithm>/<hex>`, links in `repositories/<name>/_<kind>/<name>`, sessions in `uploads/<id>`.
 */
export async function openFolderStorage(folder: string): Promise<RegistryStorage> {
  const files = new Set<FolderUpload>();
  const contentPath = (digest: Digest): string => join(folder, 'blobs', ...digest.split(':'));
  const linkPath = (link: Omit<Link, 'value'>): string =>
    join(folder, 'repositories', link.repository, `_${link.kind}`, link.name.replace(':', '='));
  const uploadPath = (id: string): string => join(folder, 'uploads', id);
  // Not `recursive`, which never ends below /proc: the folders above are the caller's to make.
  for (const name of ['.', 'blobs', 'repositories', 'uploads', 'temporary']) {
    await mkdir(join(folder, name)).catch(ignoreExisting);
  }

  /** Puts a small file in place whole or not at all. */
  async function replace(path: string, text: string): Promise<void> {
    const temporary = join(folder, 'temporary', randomUUID());
    await writeFile(temporary, text);
    await mkdir(dirname(path), { recursive: true });
    await rename(temporary, path);
  }

  async function openUpload(id: string): Promise<UploadFile> {
    const path = uploadPath(id);
    const handle = await open(join(path, 'data'), 'a');
    const { size } = await handle.stat();
    const file = new FolderUpload(path, handle, size, contentPath, () => files.delete(file));
    files.add(file);
    return file;
  }

  return {
    async sizeOf(digest) {
      const found = await stat(contentPath(digest)).catch(ignoreMissing);
      return found?.size;
    },
    read(digest, range) {
      const options = range ? { start: range.from, end: range.to - 1 } : {};
      if (range && range.to <= range.from) return empty();
      return createReadStream(contentPath(digest), { ...options, highWaterMark: 256 * 1024 });
    },
    remove: (digest) => rm(contentPath(digest), { force: true }),
    async beginUpload(id, repository) {
      await mkdir(uploadPath(id), { recursive: true });
      await replace(join(uploadPath(id), 'repository'), repository);
      return openUpload(id);
    },
    setLink: (link) => replace(linkPath(link), link.value),
    removeLink: (link) => rm(linkPath(link), { force: true }),
    async load() {
      const uploads: StoredUpload[] = [];
      for (const id of await readdir(join(folder, 'uploads'))) {
        const repository = await readFile(join(uploadPath(id), 'repository'), 'utf8').catch(ignoreMissing);
        if (!repository) await rm(uploadPath(id), { recursive: true, force: true });
        else uploads.push({ id, repository, file: await openUpload(id) });
      }
      return { links: await loadLinks(join(folder, 'repositories')), uploads };
    },
    async [Symbol.asyncDispose]() {
      for (const file of files) await file.close();
      files.clear();
    },
  };
}

class FolderUpload implements UploadFile {
  readonly #path: string;
  readonly #handle: FileHandle;
  readonly #contentPath: (digest: Digest) => string;
  readonly #ended: () => void;
  #size: number;
  #closed = false;

  constructor(
    path: string,
    handle: FileHandle,
    size: number,
    contentPath: (digest: Digest) => string,
    ended: () => void,
  ) {
    this.#path = path;
    this.#handle = handle;
    this.#size = size;
    this.#contentPath = contentPath;
    this.#ended = ended;
  }

  get size(): number {
    return this.#size;
  }

  async append(chunk: Uint8Array): Promise<void> {
    await this.#handle.appendFile(chunk);
    this.#size += chunk.byteLength;
  }

  read(): ByteStream {
    return createReadStream(join(this.#path, 'data'), { highWaterMark: 256 * 1024 });
  }

  async truncate(): Promise<void> {
    await this.#handle.truncate(0);
    this.#size = 0;
  }

  async commit(digest: Digest): Promise<void> {
    await this.close();
    await mkdir(dirname(this.#contentPath(digest)), { recursive: true });
    await rename(join(this.#path, 'data'), this.#contentPath(digest));
    await rm(this.#path, { recursive: true, force: true });
  }

  async discard(): Promise<void> {
    await this.close();
    await rm(this.#path, { recursive: true, force: true });
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#ended();
    await this.#handle.close();
  }
}

async function loadLinks(folder: string): Promise<Link[]> {
  const links: Link[] = [];
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  for (const entry of entries) {
    if (!entry.isFile()) continue;
    // `path` is what Node 20 calls `parentPath`.
    const parent = (entry.parentPath ?? entry.path).slice(folder.length + 1);
    const at = parent.lastIndexOf('/_');
    const value = await readFile(join(folder, parent, entry.name), 'utf8');
    const kind = parent.slice(at + 2) as Link['kind'];
    const name = kind === 'tags' ? entry.name : entry.name.replace('=', ':');
    links.push({ repository: parent.slice(0, at), kind, name, value });
  }
  return links;
}

function ignoreExisting(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EEXIST') throw error;
}

function ignoreMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error;
}

async function* empty(): AsyncGenerator<Uint8Array> {}
