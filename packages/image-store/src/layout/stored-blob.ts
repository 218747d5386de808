import { type AbortOptions, type ByteStream, ContentMismatchError, type Digest, verified } from '@slipway/digest';
import { ImageStoreError } from '../errors.ts';
import { readFileChunks } from './read-file-chunks.ts';
import { sizeOf } from './store-files.ts';

/**
 * Opens a blob's file, to be read once and proven as it is read; undefined when there is no such file.
 *
 * @throws {ImageStoreError} while it is read: `ERR_IMAGE_STORE_CORRUPT` when its bytes are not those of its digest
 */
export async function openStoredBlob(
  path: string,
  digest: Digest,
  options: AbortOptions,
): Promise<{ readonly size: number; readonly stream: ByteStream } | undefined> {
  const size = await sizeOf(path);
  return size === undefined ? undefined : { size, stream: proven(path, digest, size, options) };
}

async function* proven(path: string, digest: Digest, size: number, options: AbortOptions): ByteStream {
  try {
    yield* verified(readFileChunks(path, options), { digest, size });
  } catch (cause) {
    if (!(cause instanceof ContentMismatchError)) throw cause;
    throw new ImageStoreError('ERR_IMAGE_STORE_CORRUPT', `The blob ${digest} is damaged: ${cause.message}`, {
      cause,
      hint: 'Load the image again',
    });
  }
}
