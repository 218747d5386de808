import { readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Digest, isDigest } from '@slipway/digest';
import { makeFolder } from '@slipway/file-lock';
import type { Descriptor } from '@slipway/manifest';
import { readTextWithin } from '@slipway/read-file';
import { ImageStoreError } from '../errors.ts';
import {
  asDamage,
  type BlobFile,
  blobName,
  isAbsent,
  maxDocumentBytes,
  type StoreFiles,
  sizeOf,
} from '../layout/store-files.ts';
import type { StoredManifest } from '../layout/store-state.ts';
import type { Workspace } from '../layout/workspace.ts';

/** An image that somebody holds: its manifest as it was, and the name it was asked for by. */
export interface HeldManifest {
  readonly name: string;
  readonly stored: StoredManifest;
}

/** Keys become names of folders. */
const keyForm = /^[a-z0-9][a-z0-9-]{0,63}$/;

/**
 * Images that are kept for somebody, whatever becomes of their names: each in a folder of links to its blobs. Unlike a
 * workspace, a held image outlives the process; only `release` ends it.
 */
export class HeldImages {
  readonly #files: StoreFiles;

  constructor(files: StoreFiles) {
    this.#files = files;
  }

  folderOf(key: string): string {
    if (!keyForm.test(key)) {
      throw new TypeError(`Expected a key of a-z, 0-9 and "-", up to 64 characters, got ${JSON.stringify(key)}`);
    }
    return join(this.#root, key);
  }

  /**
   * Makes a workspace that holds all blobs of an image into a held image, at once. What the key held before is
   * released.
   */
  async keep(key: string, workspace: Workspace, { name, stored }: HeldManifest): Promise<void> {
    const folder = this.folderOf(key);
    const { descriptor, id, isBuilt } = stored;
    await writeFile(join(workspace.folder, documentName), JSON.stringify({ name, descriptor, id, isBuilt }));
    await makeFolder(this.#root, 0o700);
    await rm(folder, { recursive: true, force: true });
    await rename(workspace.folder, folder);
  }

  /** @throws {ImageStoreError} `ERR_IMAGE_STORE_NOT_FOUND` when nothing is held under the key */
  async read(key: string): Promise<HeldManifest> {
    const text = await readTextWithin(join(this.folderOf(key), documentName), { maxBytes: maxDocumentBytes }).catch(
      (error: unknown) => {
        if (isAbsent(error)) throw new ImageStoreError('ERR_IMAGE_STORE_NOT_FOUND', `No image is held as ${key}`);
        throw asDamage(error);
      },
    );
    const document = parsed(text);
    if (document !== undefined) return document;
    throw new ImageStoreError('ERR_IMAGE_STORE_CORRUPT', `The image held as ${key} is damaged`, {
      hint: 'Release it and hold the image again',
    });
  }

  async release(key: string): Promise<void> {
    await rm(this.folderOf(key), { recursive: true, force: true });
  }

  async keys(): Promise<readonly string[]> {
    return await namesIn(this.#root);
  }

  /** Blobs that only held images still have: they take room although the store does not list them. */
  async extraBlobs(): Promise<readonly Pick<BlobFile, 'digest' | 'size'>[]> {
    const found = new Map<Digest, number>();
    for (const key of await this.keys()) {
      const blobs = join(this.#root, key, 'blobs');
      for (const algorithm of await namesIn(blobs)) {
        for (const name of await namesIn(join(blobs, algorithm))) {
          const digest = `${algorithm}:${name}`;
          if (!isDigest(digest) || found.has(digest)) continue;
          if ((await sizeOf(this.#files.blobPath(digest))) !== undefined) continue;
          const status = await stat(join(this.#root, key, blobName(digest))).catch(() => undefined);
          if (status !== undefined) found.set(digest, status.size);
        }
      }
    }
    return [...found].map(([digest, size]) => ({ digest, size }));
  }

  get #root(): string {
    return join(this.#files.folder, '.slipway', 'held');
  }
}

const documentName = 'image.json';

function parsed(text: string): HeldManifest | undefined {
  try {
    const { name, descriptor, id, isBuilt } = JSON.parse(text) as Record<string, unknown>;
    const { mediaType, digest, size } = descriptor as Record<string, unknown>;
    const isWhole =
      typeof name === 'string' &&
      typeof mediaType === 'string' &&
      isDigest(digest) &&
      typeof size === 'number' &&
      isDigest(id);
    if (!isWhole) return undefined;
    return { name, stored: { descriptor: descriptor as Descriptor, id, isBuilt: isBuilt === true } };
  } catch {
    return undefined;
  }
}

async function namesIn(folder: string): Promise<readonly string[]> {
  return await readdir(folder).catch((error: unknown) => (isAbsent(error) ? [] : Promise.reject(error)));
}
