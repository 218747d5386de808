import { createWriteStream } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { type ByteStream, type Content, contentOf } from '@slipway/digest';

/** One member of a tar archive. */
export interface TarEntry {
  readonly name: string;
  readonly type: 'file' | 'directory' | 'symlink' | 'hardlink';
  /** Bytes of a file. @default none */
  readonly content?: Content | undefined;
  /** What a link points at. */
  readonly target?: string | undefined;
  /** @default 0o644, 0o755 for directories, 0o777 for symlinks */
  readonly mode?: number | undefined;
}

const block = 512;
const typeFlags = { file: '0', hardlink: '1', symlink: '2', directory: '5' } as const;
const modes = { file: 0o644, hardlink: 0o644, symlink: 0o777, directory: 0o755 } as const;

/** 2026-01-01, in seconds: archives of one seed are the same whenever they are made. */
const mtimeSeconds = 1_767_225_600;

/** An entry's header: one block, or three with a pax record for a name or target that does not fit into 100 bytes. */
export function tarHeader(entry: TarEntry): Uint8Array {
  const { name, target = '' } = entry;
  const records = [isLong(name) ? paxRecord('path', name) : '', isLong(target) ? paxRecord('linkpath', target) : ''];
  const pax = Buffer.from(records.join(''));
  const own = headerBlock(
    name,
    target,
    entry.content?.size ?? 0,
    entry.mode ?? modes[entry.type],
    typeFlags[entry.type],
  );
  if (pax.byteLength === 0) return own;
  const paxHeader = headerBlock(`PaxHeaders.0/${name}`, '', pax.byteLength, 0o644, 'x');
  return Buffer.concat([paxHeader, pax, new Uint8Array(paddingOf(pax.byteLength)), own]);
}

/** Bytes count, not characters; and what is not ASCII has no meaning outside a pax record. */
function isLong(text: string): boolean {
  return Buffer.byteLength(text) > Math.min(100, text.length);
}

/** Zeros that fill up the last block of a content. */
export function paddingOf(size: number): number {
  return (block - (size % block)) % block;
}

/** Two empty blocks end an archive. */
export const tarEnd: Uint8Array = new Uint8Array(2 * block);

/** The bytes of an archive, entry after entry; nothing is held. */
export async function* tarBytes(entries: Iterable<TarEntry> | AsyncIterable<TarEntry>): AsyncGenerator<Uint8Array> {
  for await (const entry of entries) {
    yield tarHeader(entry);
    if (entry.content === undefined) continue;
    yield* entry.content.open();
    const padding = paddingOf(entry.content.size);
    if (padding > 0) yield new Uint8Array(padding);
  }
  yield tarEnd;
}

/** A file of bytes in memory or of a text. */
export function fileEntry(name: string, bytes: Uint8Array | string): TarEntry {
  return {
    name,
    type: 'file',
    content: contentOf(typeof bytes === 'string' ? new TextEncoder().encode(bytes) : bytes),
  };
}

/** Streams bytes into a file. */
export async function writeStream(path: string, bytes: ByteStream): Promise<void> {
  await pipeline(Readable.from(bytes, { objectMode: false }), createWriteStream(path));
}

function headerBlock(name: string, target: string, size: number, mode: number, typeFlag: string): Uint8Array {
  const header = Buffer.alloc(block);
  header.write(name, 0, 100);
  header.write(`${octal(mode, 7)}\0`, 100);
  header.write(`${octal(0, 7)}\0`, 108); // uid
  header.write(`${octal(0, 7)}\0`, 116); // gid
  writeSize(header, size);
  header.write(`${octal(mtimeSeconds, 11)}\0`, 136);
  header.write(typeFlag, 156);
  header.write(target, 157, 100);
  header.write('ustar\u000000', 257);
  header.fill(' ', 148, 156); // the checksum counts its own field as spaces
  header.write(
    `${octal(
      header.reduce((sum, byte) => sum + byte),
      6,
    )}\0 `,
    148,
  );
  return header;
}

/** Octal up to 8 GiB, GNU's base 256 above. */
function writeSize(header: Buffer, size: number): void {
  if (size < 8 * 1024 ** 3) {
    header.write(`${octal(size, 11)}\0`, 124);
    return;
  }
  header.writeUInt8(0x80, 124);
  header.writeBigUInt64BE(BigInt(size), 128);
}

function octal(value: number, digits: number): string {
  return value.toString(8).padStart(digits, '0');
}

/** `length key=value\n`, where the length counts itself. */
function paxRecord(key: string, value: string): string {
  const rest = Buffer.byteLength(` ${key}=${value}\n`);
  const guess = rest + String(rest).length;
  const length = rest + String(guess).length;
  return `${length} ${key}=${value}\n`;
}
