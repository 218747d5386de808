import { Gunzip } from 'fflate';
import { CompressionError } from '../errors.ts';
import { gzipTrailerSize } from '../gzip/gzip-format.ts';
import { crc32 } from '../hashing/crc32.ts';
import type { ByteStream } from '../streams/content.ts';

/** fflate makes everything a piece holds at once, up to 1,032 times its size. */
const pieceSize = 8 * 1024;
/** Input kept to find the last member's trailer in, which lies before the next member's header. */
const keptSize = 128 * 1024;

/**
 * Decodes gzip, with any number of members, with fflate, and checks the CRC-32 and length that fflate leaves unchecked.
 */
export async function* gunzipPortably(source: ByteStream): AsyncGenerator<Uint8Array, void, void> {
  let decoded: Uint8Array[] = [];
  const members = new MemberChecks();
  const decoder = new Gunzip((chunk) => {
    members.add(chunk);
    if (chunk.byteLength > 0) decoded.push(chunk);
  });
  decoder.onmember = (offset) => members.end(offset);
  const push = (piece: Uint8Array, final: boolean): void => {
    try {
      decoder.push(piece, final);
    } catch (error) {
      throw error instanceof CompressionError ? error : corrupt((error as Error).message, error);
    }
  };
  for await (const chunk of source) {
    for (let offset = 0; offset < chunk.byteLength; offset += pieceSize) {
      const piece = chunk.subarray(offset, offset + pieceSize);
      members.feed(piece);
      push(piece, false);
      yield* decoded;
      decoded = [];
    }
  }
  push(new Uint8Array(0), true);
  members.end(members.fed);
  yield* decoded;
}

/** Sums over the member being decoded, and the input's last bytes to compare them with. */
class MemberChecks {
  /** Compressed bytes so far. */
  fed = 0;
  #kept: Uint8Array[] = [];
  #keptSize = 0;
  #crc = 0;
  #size = 0;

  feed(piece: Uint8Array): void {
    this.fed += piece.byteLength;
    this.#kept.push(piece);
    this.#keptSize += piece.byteLength;
    while (this.#keptSize - (this.#kept[0]?.byteLength ?? 0) >= keptSize) {
      this.#keptSize -= this.#kept.shift()?.byteLength ?? 0;
    }
  }

  add(chunk: Uint8Array): void {
    this.#crc = crc32(chunk, this.#crc);
    this.#size += chunk.byteLength;
  }

  /** Called with the offset behind a member. */
  end(offset: number): void {
    const trailer = this.#at(offset - gzipTrailerSize);
    const intact = trailer.getUint32(0, true) === this.#crc && trailer.getUint32(4, true) === this.#size % 2 ** 32;
    if (!intact) throw corrupt('a member was cut short, or its CRC-32 or length is wrong');
    this.#crc = 0;
    this.#size = 0;
  }

  #at(offset: number): DataView {
    const trailer = new Uint8Array(gzipTrailerSize);
    let start = this.fed - this.#keptSize;
    if (offset < start) throw corrupt('the stream is too short, or a header is too long');
    for (const piece of this.#kept) {
      for (let i = 0; i < gzipTrailerSize; i += 1) {
        const byte = piece[offset + i - start];
        if (byte !== undefined) trailer[i] = byte;
      }
      start += piece.byteLength;
    }
    return new DataView(trailer.buffer);
  }
}

function corrupt(why: string, cause?: unknown): CompressionError {
  const message = `Decompressing gzip: ${why}`;
  return new CompressionError('ERR_COMPRESSION_CORRUPT', message, cause === undefined ? undefined : { cause });
}
