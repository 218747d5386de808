import { Decompress } from 'fzstd';
import { CompressionError } from '../errors.ts';
import type { ByteStream } from '../streams/content.ts';
import { zstdPieces } from './zstd-frames.ts';

/** Decodes zstd with fzstd, a block at a time. It does not check the frames' own checksums. */
export async function* unzstdPortably(source: ByteStream): AsyncGenerator<Uint8Array, void, void> {
  let decoded: Uint8Array[] = [];
  const create = (): Decompress => new Decompress((chunk) => decoded.push(chunk));
  let decoder = create();
  for await (const { bytes, endsFrame } of zstdPieces(source)) {
    try {
      decoder.push(bytes, endsFrame);
    } catch (error) {
      const message = `Decompressing zstd: ${(error as Error).message}`;
      throw new CompressionError('ERR_COMPRESSION_CORRUPT', message, { cause: error });
    }
    if (endsFrame) decoder = create();
    for (const chunk of decoded) if (chunk.byteLength > 0) yield chunk;
    decoded = [];
  }
}
