import { TarSumError } from '../errors.ts';

/**
 * Bytes of a tar, one character each (Latin-1): names and attributes need not be UTF-8, and TarSum hashes them as they
 * are.
 */
export type ByteText = string;

/** What a tar says of an entry, extension headers applied, in the spelling TarSum wants. */
export interface TarHeader {
  readonly name: ByteText;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  /** Seconds since 1970. */
  readonly mtime: number;
  /** The one character as it is in the archive. */
  readonly typeflag: ByteText;
  readonly linkname: ByteText;
  readonly uname: ByteText;
  readonly gname: ByteText;
  readonly devmajor: number;
  readonly devminor: number;
  /** Extended attributes by name, from pax. */
  readonly xattrs: ReadonlyMap<ByteText, ByteText>;
  /** Bytes of data that follow. */
  readonly dataSize: number;
}

/** What extension headers say of the entry after them. */
export interface TarExtensions {
  readonly pax: ReadonlyMap<ByteText, ByteText>;
  readonly longName: ByteText | undefined;
  readonly longLink: ByteText | undefined;
}

export const blockSize = 512;

/** The header in a block; undefined for the zeros that end an archive. */
export function readTarHeader(block: Uint8Array, { pax, longName, longLink }: TarExtensions): TarHeader | undefined {
  if (block.every((byte) => byte === 0)) return undefined;
  assertChecksum(block);
  const magic = latin1(block, 257, 265);
  const isPosix = magic.startsWith('ustar\0');
  const isKnown = isPosix || magic === 'ustar  \0';
  // keeps times where the last third of the prefix would be
  const isStar = isPosix && latin1(block, 508, 512) === 'tar\0';
  const prefix = isPosix ? text(block, 345, isStar ? 476 : 500) : '';
  const typeflag = String.fromCharCode(block[156]!);
  const isDevice = isKnown && (typeflag === '3' || typeflag === '4');
  const ownName = text(block, 0, 100);
  const size = numberOf(pax.get('size')) ?? readTarNumber(block, 124, 136);
  return {
    name: longName ?? pax.get('path') ?? (prefix === '' ? ownName : `${prefix}/${ownName}`),
    mode: readTarNumber(block, 100, 108),
    uid: numberOf(pax.get('uid')) ?? readTarNumber(block, 108, 116),
    gid: numberOf(pax.get('gid')) ?? readTarNumber(block, 116, 124),
    size,
    mtime: numberOf(pax.get('mtime')) ?? readTarNumber(block, 136, 148),
    typeflag,
    linkname: longLink ?? pax.get('linkpath') ?? text(block, 157, 257),
    uname: pax.get('uname') ?? (isKnown ? text(block, 265, 297) : ''),
    gname: pax.get('gname') ?? (isKnown ? text(block, 297, 329) : ''),
    devmajor: isDevice ? readTarNumber(block, 329, 337) : 0,
    devminor: isDevice ? readTarNumber(block, 337, 345) : 0,
    xattrs: xattrsOf(pax),
    // Links, devices, folders and FIFOs have no data, whatever their size field says.
    dataSize: '123456'.includes(typeflag) ? 0 : size,
  };
}

/** `<length> <key>=<value>\n`, one after the other. An empty value takes away what was said before. */
export function readPaxRecords(bytes: Uint8Array): ReadonlyMap<ByteText, ByteText> {
  const records = new Map<ByteText, ByteText>();
  for (let start = 0; start < bytes.byteLength; ) {
    const space = bytes.indexOf(0x20, start);
    const length = space === -1 ? Number.NaN : Number(latin1(bytes, start, space));
    const end = start + length;
    const isWhole = Number.isInteger(length) && end <= bytes.byteLength && end > space + 1;
    if (!isWhole || bytes[end - 1] !== 0x0a) throw new TarSumError('a pax header is malformed');
    const record = latin1(bytes, space + 1, end - 1);
    const equals = record.indexOf('=');
    if (equals < 1) throw new TarSumError('a pax header is malformed');
    const key = record.slice(0, equals);
    const value = record.slice(equals + 1);
    if (value === '') records.delete(key);
    else records.set(key, value);
    start = end;
  }
  return records;
}

/** A long name of GNU's: up to the first zero byte. */
export function readLongName(bytes: Uint8Array): ByteText {
  return text(bytes, 0, bytes.byteLength);
}

const xattrPrefix = 'SCHILY.xattr.';

function xattrsOf(pax: ReadonlyMap<ByteText, ByteText>): ReadonlyMap<ByteText, ByteText> {
  const attributes = [...pax].filter(([key]) => key.startsWith(xattrPrefix));
  return new Map(attributes.map(([key, value]) => [key.slice(xattrPrefix.length), value]));
}

/** Bytes as unsigned, and by some old tars as signed; the field itself counts as spaces. */
function assertChecksum(block: Uint8Array): void {
  let unsigned = 0;
  let signed = 0;
  for (const [at, byte] of block.entries()) {
    const value = at >= 148 && at < 156 ? 0x20 : byte;
    unsigned += value;
    signed += value > 127 ? value - 256 : value;
  }
  const claimed = readTarNumber(block, 148, 156);
  if (claimed !== unsigned && claimed !== signed)
    throw new TarSumError('the checksum of a header is wrong: it is no tar');
}

/** A field up to its first zero byte. */
function text(block: Uint8Array, from: number, to: number): ByteText {
  const field = block.subarray(from, to);
  const end = field.indexOf(0);
  return latin1(field, 0, end === -1 ? field.byteLength : end);
}

function latin1(bytes: Uint8Array, from: number, to: number): ByteText {
  return Buffer.from(bytes.buffer, bytes.byteOffset + from, to - from).toString('latin1');
}

/** Octal, or base 256 in two's complement where the first bit is set. */
export function readTarNumber(block: Uint8Array, from: number, to: number): number {
  const field = block.subarray(from, to);
  if ((field[0]! & 0x80) !== 0) return base256(field);
  const digits = latin1(block, from, to)
    .replace(/^[ \0]+/, '')
    .replace(/[ ]*(?:\0.*)?$/s, '');
  if (digits === '') return 0;
  if (!/^[0-7]+$/.test(digits)) throw new TarSumError('a number in a header is malformed');
  return Number.parseInt(digits, 8);
}

/** The first bit only marks the form; the second is the sign. */
function base256(field: Uint8Array): number {
  const isNegative = (field[0]! & 0x40) !== 0;
  let value = 0;
  for (const [at, byte] of field.entries()) {
    const digit = isNegative ? byte ^ 0xff : byte;
    value = value * 256 + (at === 0 ? digit & 0x7f : digit);
  }
  if (!Number.isSafeInteger(value)) throw new TarSumError('a number in a header is too large');
  return isNegative ? -value - 1 : value;
}

/** Pax writes decimals, of times with a fraction. */
function numberOf(value: ByteText | undefined): number | undefined {
  if (value === undefined) return undefined;
  if (!/^-?\d{1,15}(?:\.\d*)?$/.test(value)) throw new TarSumError('a number in a pax header is malformed');
  return Math.floor(Number(value));
}
