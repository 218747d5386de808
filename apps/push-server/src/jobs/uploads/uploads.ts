import { createHash } from 'node:crypto';
import { link, open, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ByteStream } from '@slipway/digest';
import { RequestError } from '../../errors.ts';
import { newKey, orphanAt } from '../run/job-sources.ts';

/** An upload in parts: how much of it is there. */
export interface Upload {
  readonly id: string;
  readonly size: number;
  readonly offset: number;
  readonly principal: string;
  /** RFC 3339. */
  readonly expiresAt: string;
}

/** An archive that was uploaded completely, as a file. */
export interface CompleteUpload {
  /** Name in the folder of archives: one of its own for the same bytes, so that whoever has it may let go of it. */
  readonly file: string;
  readonly size: number;
  readonly contentHash: string;
}

/**
 * Archives that come in parts, by the tus protocol: a connection that breaks costs what was on its way. What is never
 * taken is an orphan among the archives, and goes as they do.
 */
export interface Uploads {
  create(size: number, principal: string): Promise<Upload>;
  /** Of others' uploads nobody hears. @throws {RequestError} 404 */
  get(id: string, principal: string): Promise<Upload>;
  /**
   * Adds a body at an offset; what came before a body broke off stays.
   *
   * @throws {RequestError} 409 at another offset, or while another request adds to it; 413 beyond its size
   */
  append(id: string, principal: string, offset: number, body: ByteStream): Promise<Upload>;
  /** A complete upload as a file; the upload stays until it is deleted. @throws {RequestError} 409 when it is not */
  complete(id: string, principal: string): Promise<CompleteUpload>;
  /** @throws {RequestError} 404; 409 while a request works on it */
  delete(id: string, principal: string): Promise<void>;
}

const idPattern = /^[0-9a-z]{6,12}-[0-9a-f]{18}$/;

interface About {
  readonly size: number;
  readonly principal: string;
}

/** @throws {SyntaxError} for what is none */
function aboutIn(text: string): About {
  const { size, principal } = (JSON.parse(text) ?? {}) as Partial<About>;
  if (typeof size !== 'number' || typeof principal !== 'string') throw new SyntaxError('damaged');
  return { size, principal };
}

/** Uploads in the folder of archives, two files each. */
export function createUploads(folder: string): Uploads {
  const busy = new Set<string>();
  const dataOf = (id: string): string => join(folder, `${id}.part`);
  const aboutOf = (id: string): string => join(folder, `${id}.json`);

  const get = async (id: string, principal: string): Promise<Upload> => {
    const absent = (): RequestError => new RequestError(404, 'no such upload');
    if (!idPattern.test(id)) throw absent();
    const about = await readFile(aboutOf(id), 'utf8')
      .then(aboutIn)
      .catch(() => undefined);
    const file = await stat(dataOf(id)).catch(() => undefined);
    if (about === undefined || file === undefined || about.principal !== principal) throw absent();
    return { id, ...about, offset: file.size, expiresAt: new Date(orphanAt(id)).toISOString() };
  };
  const remove = async (id: string): Promise<void> => {
    for (const file of [aboutOf(id), dataOf(id)]) await rm(file, { force: true });
  };
  /** One request at a time: two that add at once would mix. */
  const alone = async <T>(id: string, work: () => Promise<T>): Promise<T> => {
    if (busy.has(id)) throw new RequestError(409, 'another request adds to this upload');
    busy.add(id);
    try {
      return await work();
    } finally {
      busy.delete(id);
    }
  };

  return {
    get,
    async create(size, principal) {
      const id = newKey();
      await writeFile(dataOf(id), '', { mode: 0o600 });
      await writeFile(aboutOf(id), JSON.stringify({ size, principal } satisfies About), { mode: 0o600 });
      return await get(id, principal);
    },
    append: (id, principal, offset, body) =>
      alone(id, async () => {
        const upload = await get(id, principal);
        if (upload.offset !== offset) throw new RequestError(409, `the upload goes on at ${upload.offset}`);
        await using file = await open(dataOf(id), 'a');
        let end = offset;
        for await (const chunk of body) {
          end += chunk.byteLength;
          if (end > upload.size) throw new RequestError(413, `the upload has ${upload.size} bytes, and no more`);
          await file.writeFile(chunk);
        }
        await file.sync();
        return { ...upload, offset: end };
      }),
    complete: (id, principal) =>
      alone(id, async () => {
        const { size, offset } = await get(id, principal);
        if (offset < size) throw new RequestError(409, `the upload has ${offset} of ${size} bytes`);
        const hash = createHash('sha256');
        {
          await using file = await open(dataOf(id));
          for await (const chunk of file.createReadStream({ autoClose: false })) hash.update(chunk as Uint8Array);
        }
        const file = newKey();
        await link(dataOf(id), join(folder, file));
        return { file, size, contentHash: hash.digest('hex') };
      }),
    delete: (id, principal) =>
      alone(id, async () => {
        await get(id, principal);
        await remove(id);
      }),
  };
}
