import {
  type AbortOptions,
  type ByteStream,
  type Compression,
  type Content,
  type Digest,
  detectCompression,
  type OpenOptions,
  verified,
} from '@slipway/digest';
import { invalidSource, SourceError } from './errors.ts';
import { readAll } from './file-reader.ts';
import type { SourceFiles, StoredFile } from './source-files.ts';

/**
 * Content that proves itself: a read of the whole throws in place of its last chunk when it is not what `digest` says.
 * A read from an offset cannot be checked and is not.
 */
export function provenContent(content: Content, digest: Digest, label: string): Content {
  return {
    size: content.size,
    proves: digest,
    open: (options = {}) =>
      (options.from ?? 0) === 0 ? proven(content, digest, label, options) : content.open(options),
  };
}

async function* proven(content: Content, digest: Digest, label: string, options: OpenOptions): ByteStream {
  try {
    yield* verified(content.open(options), { digest, size: content.size });
  } catch (cause) {
    const { code } = cause as { code?: unknown };
    if (code !== 'ERR_DIGEST_MISMATCH' && code !== 'ERR_SIZE_MISMATCH') throw cause;
    throw invalidSource(`${label} is corrupt: its bytes are not those of ${digest}`, { cause });
  }
}

/** What the first bytes of a file say. Besides what is opened here, it knows what to tell the user to convert. */
export type RecognisedCompression = Compression | 'bzip2' | 'xz';

/** Bytes {@link recogniseCompression} wants to see. */
export const magicLength = 10;

/** Recognises compression by the first bytes of a file. */
export function recogniseCompression(head: Uint8Array): RecognisedCompression {
  const magic = Buffer.from(head).toString('latin1');
  if (/^BZh[1-9]1AY&SY/.test(magic)) return 'bzip2'; // as long as that: a tar may begin with a file called BZh…
  if (magic.startsWith('\xfd7zXZ\0')) return 'xz';
  return detectCompression(head);
}

/** How a layer is compressed. @throws {SourceError} `ERR_SOURCE_UNSUPPORTED` for bzip2 and xz. */
export async function compressionOf(file: StoredFile, label: string): Promise<Compression> {
  const compression = recogniseCompression(await file.head(magicLength));
  if (compression !== 'bzip2' && compression !== 'xz') return compression;
  throw new SourceError(
    'ERR_SOURCE_UNSUPPORTED',
    `${label} is compressed with ${compression}, which registries do not take`,
    {
      hint: 'Make the image again with gzip or zstd layers, or with uncompressed ones',
    },
  );
}

/** A small file of a source, read whole. @throws {SourceError} `ERR_SOURCE_INVALID` when it is not there or too large. */
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
