import {
  type AbortOptions,
  algorithmOf,
  type Content,
  type Digest,
  detectCompression,
  digestBytes,
  type ReadableCompression,
} from '@slipway/digest';
import { invalidSource } from '../errors.ts';
import { readAll } from './file-reader.ts';
import type { SourceFiles } from './source-files.ts';

/**
 * All bytes of a small document, compared with its digest. What is handed out as content is proven by whoever sends it.
 *
 * @throws {SourceError} `ERR_SOURCE_INVALID` above `limit`, or when the bytes are others
 */
export async function readDocument(
  content: Content,
  digest: Digest,
  { limit, label, signal }: ReadDocumentOptions,
): Promise<Uint8Array> {
  const bytes = await readAll(content, limit, label, { signal });
  if (digestBytes(bytes, algorithmOf(digest)) === digest) return bytes;
  throw invalidSource(`${label} is corrupt: its bytes are not those of ${digest}`);
}

export interface ReadDocumentOptions extends AbortOptions {
  /** Bytes it may have. */
  readonly limit: number;
  /** How messages name it. */
  readonly label: string;
}

/** Bytes {@link recogniseCompression} wants to see. */
export const magicLength = 10;

/** Recognises compression by the first bytes of a file. */
export function recogniseCompression(head: Uint8Array): ReadableCompression {
  const magic = Buffer.from(head).toString('latin1');
  if (/^BZh[1-9]1AY&SY/.test(magic)) return 'bzip2'; // as long as that: a tar may begin with a file called BZh…
  if (magic.startsWith('\xfd7zXZ\0')) return 'xz';
  return detectCompression(head);
}

/**
 * A small file of a source, read whole.
 * @throws {SourceError} `ERR_SOURCE_INVALID` when it is not there or too large.
 */
export async function readMember(
  files: SourceFiles,
  path: string,
  limit: number,
  options?: AbortOptions,
): Promise<Uint8Array> {
  const file = await files.find(path);
  const label = labelOf(files, path);
  if (!file) throw invalidSource(`${label} is missing`);
  return await readAll(file.content, limit, label, options);
}

/** How messages name a file of a source. */
export function labelOf({ name }: SourceFiles, path: string): string {
  return `${JSON.stringify(path)} in ${JSON.stringify(name)}`;
}
