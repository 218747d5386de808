import type { SparsePiece } from './tar-entry.ts';

/** What pax headers say of a sparse file. */
export interface PaxSparse {
  /** Its true name, in versions 0.1 and 1.0. */
  readonly name: string | undefined;
  readonly realSize: number | undefined;
  /** Offsets and sizes in turn; undefined in version 1.0, whose map lies in front of the data. */
  readonly numbers: readonly number[] | undefined;
}

/**
 * Reads GNU's sparse formats 0.0, 0.1 and 1.0; undefined for a member that is not sparse.
 *
 * @see https://www.gnu.org/software/tar/manual/html_section/Sparse-Formats.html
 */
export function paxSparseOf(pax: ReadonlyMap<string, string> | undefined): PaxSparse | undefined {
  if (pax === undefined || ![...pax.keys()].some((key) => key.startsWith('GNU.sparse.'))) return undefined;
  const name = pax.get('GNU.sparse.name');
  const realSize = numberOf(pax.get('GNU.sparse.realsize') ?? pax.get('GNU.sparse.size') ?? '');
  if (pax.has('GNU.sparse.major')) return { name, realSize, numbers: undefined };
  const map = pax.get('GNU.sparse.map');
  if (map !== undefined) return { name, realSize, numbers: map === '' ? [] : map.split(',').map(orNaN) };
  const offsets = pax.get('GNU.sparse.offset')?.split(',') ?? [];
  const sizes = pax.get('GNU.sparse.numbytes')?.split(',') ?? [];
  const numbers = offsets.flatMap((offset, at) => [orNaN(offset), orNaN(sizes[at] ?? '')]);
  return { name, realSize, numbers: offsets.length === sizes.length ? numbers : [Number.NaN, Number.NaN] };
}

/** The pieces that offsets and sizes in turn describe; undefined when they are malformed, overlap or go backwards. */
export function piecesOfNumbers(numbers: readonly number[]): readonly SparsePiece[] | undefined {
  if (numbers.length % 2 !== 0) return undefined;
  const pieces: SparsePiece[] = [];
  let end = 0;
  for (let at = 0; at < numbers.length; at += 2) {
    const [offset = Number.NaN, size = Number.NaN] = numbers.slice(at, at + 2);
    if (!(Number.isSafeInteger(offset) && Number.isSafeInteger(size) && offset >= end && size >= 0)) return undefined;
    end = offset + size;
    // An empty piece at the end says only how long the file is.
    if (size > 0) pieces.push({ offset, size });
  }
  return pieces;
}

/** The map of version 1.0: decimal numbers, one a line, the first their count, filled up to a whole block. */
export function readSparseMap(
  bytes: Buffer,
): { readonly numbers: readonly number[]; readonly byteLength: number } | undefined {
  const numbers: number[] = [];
  let count: number | undefined;
  let start = 0;
  while (count === undefined || numbers.length < count * 2) {
    const end = bytes.indexOf(0x0a, start);
    if (end === -1 || end - start > 20) return undefined;
    const number = numberOf(bytes.toString('latin1', start, end));
    if (number === undefined) return undefined;
    if (count === undefined) count = number;
    else numbers.push(number);
    start = end + 1;
  }
  const byteLength = Math.ceil(start / 512) * 512;
  return byteLength <= bytes.byteLength ? { numbers, byteLength } : undefined;
}

/** The map of the old GNU format: four pieces in the header, 21 in each block that follows it. */
export class GnuSparseHeader {
  /** Offsets and sizes in turn. */
  readonly numbers: number[] = [];
  readonly realSize: number | undefined;
  /** Whether a block of further pieces follows. */
  readonly hasMore: boolean;

  constructor(header: Buffer) {
    this.#takePieces(header.subarray(386, 482));
    this.hasMore = header[482] === 1;
    this.realSize = fieldOf(header.subarray(483, 495));
  }

  /** Takes a block in; says whether one more follows. */
  take(block: Buffer): boolean {
    this.#takePieces(block.subarray(0, 504));
    return block[504] === 1;
  }

  #takePieces(bytes: Buffer): void {
    for (let at = 0; at + 24 <= bytes.byteLength && bytes[at] !== 0; at += 24) {
      this.numbers.push(fieldOf(bytes.subarray(at, at + 12)) ?? Number.NaN);
      this.numbers.push(fieldOf(bytes.subarray(at + 12, at + 24)) ?? Number.NaN);
    }
  }
}

/** Octal digits, or base 256 where the first bit is set. */
function fieldOf(bytes: Buffer): number | undefined {
  if ((bytes[0] ?? 0) & 0x80) {
    const value = bytes.readUIntBE(6, 6);
    return bytes.subarray(1, 6).every((byte) => byte === 0) ? value : undefined;
  }
  const text = bytes.toString('latin1').replace(/[\0 ].*$/s, '');
  return /^[0-7]+$/.test(text) ? Number.parseInt(text, 8) : undefined;
}

function numberOf(text: string): number | undefined {
  return /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}

function orNaN(text: string): number {
  return numberOf(text) ?? Number.NaN;
}
