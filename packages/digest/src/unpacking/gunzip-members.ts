import { crc32, createInflateRaw } from 'node:zlib';
import { CompressionError } from '../errors.ts';
import type { AbortOptions, ByteStream } from '../streams/content.ts';
import { throughDecoder } from './decoder-stream.ts';

/** Fixed part of a member's header, and its trailer. */
const headerSize = 10;
const trailerSize = 8;
/** So much of what a decoder was lent is kept, to be taken back. */
const keptBytes = 1024 * 1024;

export interface GunzipMembersOptions extends AbortOptions {
  readonly chunkSize: number;
}

/**
 * Decodes gzip member by member, so that it is known where the last one ends: what follows it and begins no member is
 * ignored. zlib's own gunzip takes it for a damaged member.
 *
 * @see https://www.rfc-editor.org/rfc/rfc1952#page-5
 */
export async function* gunzipMembers(
  source: ByteStream,
  { signal, chunkSize }: GunzipMembersOptions,
): AsyncGenerator<Uint8Array, void, void> {
  const input = new Input(source);
  try {
    for (let isFirst = true; isFirst || (await beginsMember(input)); isFirst = false) {
      await skipHeader(input);
      const decoder = createInflateRaw({ chunkSize });
      let checksum = 0;
      let size = 0;
      for await (const chunk of throughDecoder(input.lend(), decoder, signal)) {
        checksum = crc32(chunk, checksum);
        size += chunk.byteLength;
        yield chunk;
      }
      input.takeBack(decoder.bytesWritten);
      const trailer = await input.bytes(trailerSize);
      const view = new DataView(trailer.buffer, trailer.byteOffset, trailer.byteLength);
      const isRight = view.getUint32(0, true) === checksum >>> 0 && view.getUint32(4, true) === size % 2 ** 32;
      if (!isRight) throw corrupt('wrong checksum');
    }
  } finally {
    await input.close();
  }
}

async function beginsMember(input: Input): Promise<boolean> {
  const [first, second] = await input.peek(2);
  return first === 0x1f && second === 0x8b;
}

async function skipHeader(input: Input): Promise<void> {
  const header = await input.bytes(headerSize);
  const flags = header[3] ?? 0;
  if (header[0] !== 0x1f || header[1] !== 0x8b || header[2] !== 8 || flags > 31) throw corrupt('invalid header');
  if (flags & 4) {
    const [low = 0, high = 0] = await input.bytes(2);
    await input.bytes(low + high * 256);
  }
  // A name, then a comment: texts that end with a zero.
  for (const flag of [8, 16]) if (flags & flag) while ((await input.bytes(1))[0] !== 0);
  if (flags & 2) await input.bytes(2);
}

function corrupt(reason: string): CompressionError {
  return new CompressionError('ERR_COMPRESSION_CORRUPT', `Decompressing gzip: ${reason}`);
}

/** A stream that can be lent to a decoder, which says afterwards how much of it was its own. */
class Input {
  readonly #iterator: AsyncIterator<Uint8Array>;
  #rest: Uint8Array = new Uint8Array(0);
  /** What was lent last: a decoder reads ahead. */
  #lent: Uint8Array[] = [];
  #lentSize = 0;
  #keptSize = 0;

  constructor(source: ByteStream) {
    this.#iterator = source[Symbol.asyncIterator]();
  }

  /** The next bytes, fewer at the end. */
  async peek(wanted: number): Promise<Uint8Array> {
    while (this.#rest.byteLength < wanted) {
      const { done, value } = await this.#iterator.next();
      if (done) break;
      this.#rest = joined([this.#rest, value]);
    }
    return this.#rest.subarray(0, wanted);
  }

  /** Exactly so many bytes. */
  async bytes(wanted: number): Promise<Uint8Array> {
    const found = await this.peek(wanted);
    if (found.byteLength < wanted) throw corrupt('unexpected end');
    this.#rest = this.#rest.subarray(wanted);
    return found;
  }

  async *lend(): ByteStream {
    this.#lent = [];
    this.#lentSize = 0;
    this.#keptSize = 0;
    for (;;) {
      const chunk = this.#rest.byteLength > 0 ? this.#rest : await this.#next();
      if (chunk === undefined) return;
      this.#rest = new Uint8Array(0);
      this.#lent.push(chunk);
      this.#lentSize += chunk.byteLength;
      this.#keptSize += chunk.byteLength;
      // A decoder reads a few KiB ahead, and a chunk or two: of what is older, it will not give anything back.
      while (this.#lent.length > 4 && this.#keptSize - (this.#lent[0]?.byteLength ?? 0) > keptBytes) {
        this.#keptSize -= this.#lent.shift()?.byteLength ?? 0;
      }
      yield chunk;
    }
  }

  /** Ends a loan of which so many bytes were used. */
  takeBack(used: number): void {
    const surplus = this.#lentSize - used;
    const kept = joined(this.#lent);
    this.#rest = joined([kept.subarray(kept.byteLength - surplus), this.#rest]);
    this.#lent = [];
  }

  async close(): Promise<void> {
    await this.#iterator.return?.();
  }

  async #next(): Promise<Uint8Array | undefined> {
    const { done, value } = await this.#iterator.next();
    return done ? undefined : value;
  }
}

function joined(chunks: readonly Uint8Array[]): Uint8Array {
  const [only, ...others] = chunks.filter((chunk) => chunk.byteLength > 0);
  if (only === undefined || others.length === 0) return only ?? new Uint8Array(0);
  const all = new Uint8Array(chunks.reduce((sum, chunk) => sum + chunk.byteLength, 0));
  let at = 0;
  for (const chunk of [only, ...others]) {
    all.set(chunk, at);
    at += chunk.byteLength;
  }
  return all;
}
