import { crc32 } from 'node:zlib';

/**
 * One record in one line: its checksum, when it was written, its name, and behind a tab its value. Without a tab, that
 * it was deleted. The first two are always as long, so that lines are ordered by what follows.
 */
export interface RecordLine {
  /** The whole line with its line feed. */
  readonly bytes: Buffer;
  /** Namespace and key as they stand in the line. */
  readonly name: string;
  /** Undefined where the record was deleted. */
  readonly value: Uint8Array | undefined;
}

const checksumLength = 8;
const timeLength = 9;

/** Where the name begins. */
export const nameOffset: number = checksumLength + timeLength + 2;

export const lineFeed = 0x0a;
const tab = 0x09;
const backslash = 0x5c;

/** The name of a record as its line has it: no namespace has a space, and no line a tab or line feed in its name. */
export function lineName(namespace: string, key: string): string {
  const name = `${namespace} ${key}`;
  return /[\\\t\n]/.test(name) ? name.replace(/[\\\t\n]/g, (character) => escapes[character] ?? character) : name;
}

/** The key in the name of a line. */
export function keyIn(name: string): string {
  const key = name.slice(name.indexOf(' ') + 1);
  return key.replace(/\\[\\tn]/g, (pair) => characters[pair] ?? pair);
}

/** Writes a record as a line. @param timeMs since the epoch */
export function formatLine(name: string, value: Uint8Array | undefined, timeMs: number): Buffer {
  const start = `${timeMs.toString(36).padStart(timeLength, '0')} ${name}`;
  const text = value === undefined ? Buffer.from(start) : Buffer.concat([Buffer.from(`${start}\t`), escaped(value)]);
  const checksum = crc32(text).toString(16).padStart(checksumLength, '0');
  return Buffer.concat([Buffer.from(`${checksum} `), text, Buffer.of(lineFeed)]);
}

/**
 * Reads a line, whose bytes are given without their line feed. Undefined when it is damaged, cut off, or no record.
 */
export function parseLine(bytes: Buffer): Omit<RecordLine, 'bytes'> | undefined {
  if (!isWhole(bytes)) return undefined;
  const end = bytes.indexOf(tab);
  return { name: nameIn(bytes), value: end < 0 ? undefined : unescaped(bytes.subarray(end + 1)) };
}

/** The name in a line, which is given without its line feed. */
export function nameIn(bytes: Buffer): string {
  const end = bytes.indexOf(tab);
  return bytes.toString('utf8', nameOffset, end < 0 ? bytes.length : end);
}

/** Whether the checksum of a line, given without its line feed, is that of its bytes. */
export function isWhole(bytes: Buffer): boolean {
  if (bytes.length <= nameOffset) return false;
  const claimed = bytes.toString('latin1', 0, checksumLength + 1);
  return (
    claimed ===
    `${crc32(bytes.subarray(checksumLength + 1))
      .toString(16)
      .padStart(checksumLength, '0')} `
  );
}

/** When a record was written, in milliseconds since the epoch. */
export function timeOf(bytes: Buffer): number {
  return Number.parseInt(bytes.toString('latin1', checksumLength + 1, checksumLength + 1 + timeLength), 36);
}

const escapes: Readonly<Record<string, string>> = { '\\': '\\\\', '\t': '\\t', '\n': '\\n' };
const characters: Readonly<Record<string, string>> = { '\\\\': '\\', '\\t': '\t', '\\n': '\n' };

/** JSON has no line feed, and a backslash but seldom. */
function escaped(value: Uint8Array): Uint8Array {
  if (!value.includes(lineFeed) && !value.includes(backslash)) return value;
  const text = Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('latin1');
  return Buffer.from(
    text.replace(/[\\\n]/g, (character) => escapes[character] ?? character),
    'latin1',
  );
}

function unescaped(bytes: Buffer): Uint8Array {
  if (!bytes.includes(backslash)) return new Uint8Array(bytes);
  const text = bytes.toString('latin1').replace(/\\[\\tn]/g, (pair) => characters[pair] ?? pair);
  return new Uint8Array(Buffer.from(text, 'latin1'));
}
