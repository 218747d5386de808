import { randomBytes } from 'node:crypto';
import { link, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeFolder } from '@slipway/file-lock';
import {
  createTrustKey,
  formatPublicTrustKey,
  formatTrustKey,
  parseTrustKey,
  type TrustKey,
} from '@slipway/manifest/schema1';
import { readTextWithin } from '@slipway/read-file';

/** A key is a few hundred bytes. */
const maxKeyBytes = 64 * 1024;

/** Where a trust key lies, and which. */
export interface TrustKeyFileOptions {
  /** The data folder; made when it is missing. */
  readonly folder: string;
}

/**
 * The key that signs schema 1 manifests, from `key.json` of the data folder: a JWK, or PEM where somebody put one
 * there. Made when it is missing, readable by its owner only, with `public-key.json` beside it, as Docker keeps them.
 * Of several processes that make one at once, all get the same.
 *
 * @throws {TrustKeyError} `ERR_TRUST_KEY_INVALID` when the file holds no key; what the operating system says when it
 * cannot be read or written.
 * @see https://github.com/moby/moby/blob/v20.10.0/daemon/trustkey.go
 */
export async function openTrustKey({ folder }: TrustKeyFileOptions): Promise<TrustKey> {
  const path = join(folder, 'key.json');
  const known = await readText(path);
  if (known !== undefined) return parseTrustKey(known);
  await makeFolder(folder, 0o700);
  const key = createTrustKey();
  const temporary = join(folder, `.key-${randomBytes(6).toString('hex')}.json`);
  try {
    await writeFile(temporary, formatTrustKey(key), { mode: 0o600, flag: 'wx' });
    // Unlike a rename, a link never replaces the key that another process was faster to make.
    await link(temporary, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    return await openTrustKey({ folder });
  } finally {
    await rm(temporary, { force: true });
  }
  await writeFile(join(folder, 'public-key.json'), formatPublicTrustKey(key));
  return key;
}

async function readText(path: string): Promise<string | undefined> {
  try {
    return await readTextWithin(path, { maxBytes: maxKeyBytes });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
