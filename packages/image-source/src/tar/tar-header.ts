/** Where the fields of a header lie: from, to. */
const nameField = [0, 100] as const;
const sizeField = [124, 136] as const;
const checksumField = [148, 156] as const;
const linkField = [157, 257] as const;
const formatField = [257, 265] as const;
const prefixField = [345, 500] as const;
/** Where a time stands instead of the end of the prefix, in a format that only star wrote. */
const shortPrefixField = [345, 475] as const;

const formatWithPrefix = 'ustar\u000000';

/** The fields of a header that an index needs: no owner, mode or time. */
export interface TarHeader {
  /** With the prefix of ustar before it. */
  readonly name: string;
  /** Target of a link; empty where there is none. */
  readonly link: string;
  /** Undefined where the field holds no number. */
  readonly size: number | undefined;
}

/**
 * Reads a header of 512 bytes, as Go's archive/tar does: texts end at their first zero byte.
 *
 * @returns undefined when its checksum is wrong
 * @throws {RangeError} when its size is no safe integer
 */
export function readTarHeader(block: Buffer): TarHeader | undefined {
  if (!isTarHeader(block)) return undefined;
  const name = textIn(block, nameField);
  const prefix = prefixOf(block);
  return {
    name: prefix === '' ? name : `${prefix}/${name}`,
    link: textIn(block, linkField),
    size: sizeOf(block),
  };
}

/** Whether 512 bytes have the checksum that they say; some old programs took letters for signed numbers. */
export function isTarHeader(block: Buffer): boolean {
  const checksum = octalIn(block, checksumField);
  return checksum !== undefined && (checksum === sumOf(block) || checksum === signedSumOf(block));
}

/** All bytes added up, those of the checksum counted as spaces. */
function sumOf(block: Buffer): number {
  const [from, to] = checksumField;
  let sum = 0x20 * (to - from);
  for (let at = 0; at < from; at += 1) sum += block[at] as number;
  for (let at = to; at < 512; at += 1) sum += block[at] as number;
  return sum;
}

function signedSumOf(block: Buffer): number {
  const [from, to] = checksumField;
  return sumOf(block) - 256 * block.filter((byte, at) => byte > 127 && (at < from || at >= to)).byteLength;
}

function prefixOf(block: Buffer): string {
  if (block.toString('latin1', ...formatField) !== formatWithPrefix) return '';
  return textIn(block, block[shortPrefixField[1]] === 0 ? shortPrefixField : prefixField);
}

function textIn(block: Buffer, [from, to]: readonly [number, number]): string {
  const zero = block.indexOf(0, from);
  return block.toString('utf8', from, zero === -1 || zero > to ? to : zero);
}

function sizeOf(block: Buffer): number | undefined {
  const [from, to] = sizeField;
  const first = block[from] as number;
  if (first < 128) return octalIn(block, sizeField);
  // In base 256; the second highest bit is the sign.
  if (first >= 192) return undefined;
  let size = first - 128;
  for (let at = from + 1; at < to; at += 1) size = size * 256 + (block[at] as number);
  if (!Number.isSafeInteger(size)) throw new RangeError('Expected a size that is a safe integer');
  return size;
}

function octalIn(block: Buffer, [from, to]: readonly [number, number]): number | undefined {
  const digits = /^[ \0]*([0-7]+) *(?:\0|$)/.exec(block.toString('latin1', from, to))?.[1];
  return digits === undefined ? undefined : Number.parseInt(digits, 8);
}
