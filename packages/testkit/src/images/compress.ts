import { randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline, Readable } from 'node:stream';
import { createGzip } from 'node:zlib';
import {
  type ByteStream,
  type Compression,
  type Content,
  createZstdCompressor,
  type OpenOptions,
} from '@slipway/digest';
import { writeStream } from './tar-format.ts';

/** The bytes compressed: in one gzip stream of level 6, as most tools write it, or in zstd frames. */
export function compressed(bytes: ByteStream, compression: Compression): ByteStream {
  if (compression === 'none') return bytes;
  if (compression === 'zstd') return createZstdCompressor().compress(bytes);
  // An error of the source ends the compressor, and so reaches whoever reads from it.
  return pipeline(Readable.from(bytes, { objectMode: false }), createGzip({ level: 6 }), () => {});
}

/** The content compressed into a new file of the folder; as it is where there is nothing to compress. */
export async function compressInto(folder: string, content: Content, compression: Compression): Promise<Content> {
  if (compression === 'none') return content;
  const path = join(folder, randomUUID());
  await writeStream(path, compressed(content.open(), compression));
  return await fileContent(path);
}

/** A file's bytes. */
export async function fileContent(path: string): Promise<Content> {
  const { size } = await stat(path);
  return {
    size,
    async *open({ from = 0, signal }: OpenOptions = {}) {
      signal?.throwIfAborted();
      if (from < size) yield* createReadStream(path, { start: from, highWaterMark: 256 * 1024, signal });
    },
  };
}
