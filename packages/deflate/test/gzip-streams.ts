import { createHash } from 'node:crypto';
import { crc32, gunzipSync, type InputType, inflateRawSync, type Zlib, type ZlibOptions } from 'node:zlib';
import type { GunzipHash, GunzipHashOptions, GunzipHashPool } from '../src/gunzip-pool.ts';
import type { Random } from './corpus.ts';

/** The least that a gzip header can be. */
export const bareHeader: Uint8Array = Uint8Array.of(0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff);

export interface HeaderParts {
  readonly extra?: Uint8Array | undefined;
  readonly name?: string | undefined;
  readonly comment?: string | undefined;
  /** Whether a checksum of the header ends it. */
  readonly isChecked?: boolean | undefined;
  /** Flags besides those of the parts. */
  readonly flags?: number | undefined;
}

export function headerOf({ extra, name, comment, isChecked = false, flags = 0 }: HeaderParts): Uint8Array {
  const parts: Uint8Array[] = [Uint8Array.from(bareHeader)];
  if (extra !== undefined) parts.push(littleEndian(extra.byteLength, 2), extra);
  for (const text of [name, comment]) if (text !== undefined) parts.push(Buffer.from(`${text}\0`));
  const given = [false, isChecked, extra !== undefined, name !== undefined, comment !== undefined];
  const header = Buffer.concat(parts);
  header[3] = given.reduce((sum, isGiven, bit) => sum | (Number(isGiven) << bit), flags);
  return isChecked ? Buffer.concat([header, littleEndian(crc32(header) & 0xffff, 2)]) : header;
}

/** A gzip member around raw deflate. */
export function memberOf(deflated: Uint8Array, plain: Uint8Array, header: Uint8Array = bareHeader): Uint8Array {
  return Buffer.concat([header, deflated, littleEndian(crc32(plain), 4), littleEndian(plain.byteLength % 2 ** 32, 4)]);
}

function littleEndian(value: number, size: number): Uint8Array {
  return Uint8Array.from({ length: size }, (_, i) => Math.floor(value / 256 ** i) % 256);
}

/** What the bytes are by their own account. */
export function hashOf(plain: Uint8Array, algorithm = 'sha256'): GunzipHash {
  return { hash: createHash(algorithm).update(plain).digest('hex'), size: plain.byteLength };
}

/** `bytes` in pieces whose sizes come from `sizes`, over and over; the rest in one when they are all 0. */
export function cut(bytes: Uint8Array, sizes: readonly number[]): Uint8Array[] {
  if (!sizes.some((size) => size > 0)) return [bytes];
  const pieces: Uint8Array[] = [];
  for (let at = 0, i = 0; at < bytes.byteLength; i += 1) {
    const size = sizes[i % sizes.length] as number;
    pieces.push(bytes.subarray(at, at + size));
    at += size;
  }
  return pieces;
}

/** Writes all pieces, several on their way at a time. */
export async function gunzipHash(
  pool: GunzipHashPool,
  pieces: readonly Uint8Array[],
  options?: GunzipHashOptions,
): Promise<GunzipHash> {
  using run = pool.begin(options);
  const writes = pieces.map((piece) => run.write(piece));
  const ending = run.end();
  await Promise.all([...writes, ending]);
  return await ending;
}

/** What a decoder of `node:zlib` reads, and of how many bytes; undefined when it refuses them, with its code. */
export interface ZlibReading {
  readonly plain: Uint8Array | undefined;
  readonly read: number;
  readonly code: string | undefined;
}

const gunzipReading = (bytes: Uint8Array): ZlibReading => readingOf(gunzipSync, bytes);
export const inflateReading = (bytes: Uint8Array): ZlibReading => readingOf(inflateRawSync, bytes);

function readingOf(decode: (bytes: InputType, options: ZlibOptions) => Buffer, bytes: Uint8Array): ZlibReading {
  try {
    const { buffer, engine } = decode(bytes, { info: true }) as unknown as { buffer: Buffer; engine: Zlib };
    return { plain: buffer, read: engine.bytesWritten, code: undefined };
  } catch (error) {
    return { plain: undefined, read: 0, code: (error as NodeJS.ErrnoException).code };
  }
}

/**
 * What `node:zlib` unpacks, where it reads all of the bytes. It stops at a zero behind a member, which this package
 * refuses, and at nothing else.
 */
export function zlibHash(bytes: Uint8Array): GunzipHash | undefined {
  const { plain, read } = gunzipReading(bytes);
  if (plain !== undefined && read < bytes.byteLength && bytes[read] !== 0) throw new Error('zlib stopped at no zero');
  return plain !== undefined && read === bytes.byteLength ? hashOf(plain) : undefined;
}

/** Flips, inserts and deletes bytes, repeats or leaves out stretches, cuts the end or adds to it. */
export function damaged(bytes: Uint8Array, random: Random): Uint8Array {
  let result = Buffer.from(bytes);
  for (let i = random(3); i >= 0; i -= 1) {
    const at = random(result.byteLength + 1);
    const [before, after] = [result.subarray(0, at), result.subarray(at)];
    const few = random(random(8) === 0 ? 300 : 4);
    const what = random(8);
    if (what === 0) result = Buffer.concat([before, Uint8Array.of(random(256)), after]);
    else if (what === 1) result = Buffer.concat([before, after.subarray(few)]);
    else if (what === 2) result = Buffer.concat([before, after.subarray(0, few), after]);
    else if (what === 3 && random(4) === 0) result = before;
    else if (what === 4 && random(4) === 0) result = Buffer.concat([result, new Uint8Array(few)]);
    else if (at < result.byteLength) result[at] = (result[at] as number) ^ (1 << random(8));
  }
  return result;
}
