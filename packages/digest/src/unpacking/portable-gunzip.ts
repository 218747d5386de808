import { FlateErrorCode, Gunzip } from 'fflate';
import { CompressionError } from '../errors.ts';
import { gzipTrailerSize } from '../gzip/gzip-format.ts';
import { crc32 } from '../hashing/crc32.ts';
import type { ByteStream } from '../streams/content.ts';
import type { DecompressOptions } from './decompression.ts';

/** fflate makes everything a piece holds at once, up to 1,032 times its size. */
const pieceSize = 8 * 1024;
/** Input kept to find the last member's trailer in, which lies before the next member's header. */
const keptSize = 128 * 1024;
/** fflate takes four bytes for the least that can be a header. */
const unseenSurplus = 3;
/** What every member begins with. */
const magic = [0x1f, 0x8b, 8];

/**
 * Decodes gzip, with any number of members, with fflate, and checks the CRC-32 and length that fflate leaves unchecked.
 */
export async function* gunzipPortably(
  source: ByteStream,
  surplus: DecompressOptions['surplus'] = 'refuse',
): AsyncGenerator<Uint8Array, void, void> {
  let decoded: Uint8Array[] = [];
  const members = new MemberChecks();
  const decoder = new Gunzip((chunk) => {
    members.add(chunk);
    if (chunk.byteLength > 0) decoded.push(chunk);
  });
  decoder.onmember = (offset) => members.end(offset);
  /** Says whether there is more to come: not when a member was followed by what is to be ignored. */
  const push = (piece: Uint8Array, final: boolean): boolean => {
    try {
      decoder.push(piece, final);
      return true;
    } catch (error) {
      if (error instanceof CompressionError) throw error;
      const { code, message } = error as Error & { readonly code?: unknown };
      // fflate has looked for the header of a member, and found something else.
      if (surplus === 'ignore' && code === FlateErrorCode.InvalidHeader && members.hasEnded(keptSize)) return false;
      throw corrupt(message, error);
    }
  };
  for await (const chunk of source) {
    for (let offset = 0; offset < chunk.byteLength; offset += pieceSize) {
      const piece = chunk.subarray(offset, offset + pieceSize);
      members.feed(piece);
      const goesOn = push(piece, false);
      yield* decoded;
      if (!goesOn) return;
      decoded = [];
    }
  }
  // What is too short for a header, fflate does not tell of.
  const isOver = !push(new Uint8Array(0), true) || (surplus === 'ignore' && members.hasEnded(unseenSurplus));
  if (!isOver) members.end(members.fed);
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
  #isGzip = true;

  feed(piece: Uint8Array): void {
    for (let at = this.fed; at < magic.length && at - this.fed < piece.byteLength; at += 1) {
      this.#isGzip &&= piece[at - this.fed] === magic[at];
    }
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
    if (!this.#isIntact(this.#at(offset - gzipTrailerSize)))
      throw corrupt('a member was cut short, or its CRC-32 or length is wrong');
    this.#crc = 0;
    this.#size = 0;
  }

  /** Whether the member has ended so many bytes ago at most, and what follows is no other one. */
  hasEnded(surplus: number): boolean {
    if (!this.#isGzip) return false;
    const kept = new Uint8Array(this.#keptSize);
    let filled = 0;
    for (const piece of this.#kept) {
      kept.set(piece, filled);
      filled += piece.byteLength;
    }
    const first = Math.max(gzipTrailerSize, filled - surplus);
    for (let end = filled; end >= first; end -= 1) {
      if (!this.#isIntact(new DataView(kept.buffer, end - gzipTrailerSize, gzipTrailerSize))) continue;
      return !(kept[end] === 0x1f && kept[end + 1] === 0x8b);
    }
    return false;
  }

  #isIntact(trailer: DataView): boolean {
    return trailer.getUint32(0, true) === this.#crc && trailer.getUint32(4, true) === this.#size % 2 ** 32;
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
