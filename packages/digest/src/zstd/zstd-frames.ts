import { CompressionError } from '../errors.ts';
import { close } from '../streams/abortable.ts';
import type { ByteStream } from '../streams/content.ts';

/** Part of a zstd frame. No piece reaches beyond a block, so none makes more than 128 KiB of plain bytes. */
export interface ZstdPiece {
  readonly bytes: Uint8Array;
  readonly endsFrame: boolean;
}

/** What the zstd tool itself accepts by default, and what `zstd --ultra -22` needs. */
const largestWindow = 128 * 1024 * 1024;
const largestBlock = 128 * 1024;

/**
 * Walks over the frames of a zstd stream without decoding them; skippable frames are left out.
 *
 * The decoders need this: `node:zlib` drops whatever follows a frame within one chunk and (Node 22) takes a cut stream
 * for a whole one, and fzstd makes everything one chunk holds at once and gives as much memory as a header asks for.
 *
 * @see https://www.rfc-editor.org/rfc/rfc8878#section-3.1
 */
export async function* zstdPieces(source: ByteStream): AsyncGenerator<ZstdPiece, void, void> {
  const reader = new ByteReader(source);
  try {
    for (let frames = 0; !(frames > 0 && (await reader.atEnd())); frames += 1) {
      const magic = view(await reader.exactly(4)).getUint32(0, true);
      if (magic === 0xfd2fb528) yield* frame(reader);
      else if (magic >>> 4 === 0x184d2a5) await reader.skip(view(await reader.exactly(4)).getUint32(0, true));
      else throw corrupt(frames === 0 ? 'not a zstd frame' : 'what follows a frame is not one');
    }
  } finally {
    await reader.close();
  }
}

async function* frame(reader: ByteReader): AsyncGenerator<ZstdPiece, void, void> {
  const { header, hasChecksum } = await frameHeader(reader);
  yield { bytes: header, endsFrame: false };
  for (let last = false; !last; ) {
    const head = await reader.peek(3);
    const bits = (head[0] as number) | ((head[1] as number) << 8) | ((head[2] as number) << 16);
    last = (bits & 1) === 1;
    const type = (bits >> 1) & 3;
    const size = bits >> 3;
    if (type === 3 || size > largestBlock) throw corrupt('a block of no known kind or of more than 128 KiB');
    // Kind 1 is one byte to be repeated `size` times.
    let left = 3 + (type === 1 ? 1 : size);
    while (left > 0) {
      const bytes = await reader.some(left);
      left -= bytes.byteLength;
      yield { bytes, endsFrame: last && left === 0 && !hasChecksum };
    }
  }
  if (hasChecksum) yield { bytes: await reader.exactly(4), endsFrame: true };
}

async function frameHeader(reader: ByteReader): Promise<{ header: Uint8Array; hasChecksum: boolean }> {
  const descriptor = (await reader.peek(1))[0] as number;
  if (descriptor & 8) throw corrupt('a reserved bit is set');
  const isSingleSegment = (descriptor & 32) !== 0;
  const idSize = [0, 1, 2, 4][descriptor & 3] as number;
  const sizeSize = [isSingleSegment ? 1 : 0, 2, 4, 8][descriptor >> 6] as number;
  const windowSize = isSingleSegment ? 0 : 1;
  const rest = await reader.exactly(1 + windowSize + idSize + sizeSize);
  if (rest.subarray(1 + windowSize, 1 + windowSize + idSize).some((byte) => byte !== 0)) {
    throw new CompressionError('ERR_COMPRESSION_UNSUPPORTED', 'Decompressing zstd: the frame needs a dictionary');
  }
  const window = isSingleSegment ? contentSize(rest.subarray(1 + idSize)) : windowOf(rest[1] as number);
  if (window > largestWindow) {
    const message = `Decompressing zstd: expected a window of at most ${largestWindow} bytes, got ${window}`;
    throw new CompressionError('ERR_COMPRESSION_TOO_LARGE', message);
  }
  const header = new Uint8Array(4 + rest.byteLength);
  header.set([0x28, 0xb5, 0x2f, 0xfd]);
  header.set(rest, 4);
  return { header, hasChecksum: (descriptor & 4) !== 0 };
}

function windowOf(byte: number): number {
  const base = 2 ** (10 + (byte >> 3));
  return base + (base / 8) * (byte & 7);
}

function contentSize(field: Uint8Array): number {
  switch (field.byteLength) {
    case 1:
      return field[0] as number;
    case 2:
      return view(field).getUint16(0, true) + 256;
    case 4:
      return view(field).getUint32(0, true);
    default:
      return Number(view(field).getBigUint64(0, true));
  }
}

function view(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function corrupt(why: string): CompressionError {
  return new CompressionError('ERR_COMPRESSION_CORRUPT', `Decompressing zstd: ${why}`);
}

/** Takes a stream apart by counts of bytes. */
class ByteReader {
  readonly #source: AsyncIterator<Uint8Array>;
  #rest: Uint8Array = new Uint8Array(0);
  #ended = false;

  constructor(source: ByteStream) {
    this.#source = source[Symbol.asyncIterator]();
  }

  async atEnd(): Promise<boolean> {
    return !(await this.#fill(1));
  }

  /** The next `count` bytes, still to be taken. */
  async peek(count: number): Promise<Uint8Array> {
    if (!(await this.#fill(count))) throw corrupt('the stream ends inside a frame');
    return this.#rest.subarray(0, count);
  }

  async exactly(count: number): Promise<Uint8Array> {
    const bytes = await this.peek(count);
    this.#rest = this.#rest.subarray(count);
    return bytes;
  }

  /** As many bytes as are at hand: at least one, at most `count`. */
  async some(count: number): Promise<Uint8Array> {
    await this.peek(1);
    const bytes = this.#rest.subarray(0, count);
    this.#rest = this.#rest.subarray(bytes.byteLength);
    return bytes;
  }

  async skip(count: number): Promise<void> {
    for (let left = count; left > 0; ) left -= (await this.some(left)).byteLength;
  }

  async close(): Promise<void> {
    if (!this.#ended) await close(this.#source);
  }

  async #fill(count: number): Promise<boolean> {
    while (this.#rest.byteLength < count) {
      if (this.#ended) return false;
      const next = await this.#next();
      if (next === undefined) return false;
      if (this.#rest.byteLength === 0) {
        this.#rest = next;
        continue;
      }
      const joined = new Uint8Array(this.#rest.byteLength + next.byteLength);
      joined.set(this.#rest);
      joined.set(next, this.#rest.byteLength);
      this.#rest = joined;
    }
    return true;
  }

  async #next(): Promise<Uint8Array | undefined> {
    this.#ended = true; // so that a source that fails is not asked to close
    const next = await this.#source.next();
    if (next.done) return undefined;
    this.#ended = false;
    return next.value;
  }
}
