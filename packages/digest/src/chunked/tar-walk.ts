import { CompressionError, TarSumError } from '../errors.ts';
import {
  type ByteText,
  blockSize,
  readLongName,
  readPaxRecords,
  readTarHeader,
  readTarNumber,
  type TarExtensions,
  type TarHeader,
} from '../tarsum/tar-headers.ts';

/** An entry of a tar as tables of contents want it. */
export interface TarEntry extends Pick<TarHeader, 'mode' | 'uid' | 'gid' | 'size' | 'dataSize'> {
  readonly type: 'reg' | 'dir' | 'symlink' | 'hardlink' | 'char' | 'block' | 'fifo';
  readonly name: string;
  readonly linkname: string;
  readonly uname: string;
  readonly gname: string;
  readonly devmajor: number;
  readonly devminor: number;
  /** In RFC 3339, with as many digits of a second as the archive has. */
  readonly modtime: string;
  readonly accesstime: string | undefined;
  readonly changetime: string | undefined;
  /** Values in base64. */
  readonly xattrs: Readonly<Record<string, string>>;
}

/** Hears of every byte of a tar once, in order. Bytes are the reader's until the call returns. */
export interface TarVisitor {
  /** `head`: the entry's header, and the extension headers before it. */
  entry(entry: TarEntry, head: Uint8Array): void;
  data(bytes: Uint8Array): void;
  endOfEntry(): void;
  /** Zeros that fill the last block of an entry. */
  padding(bytes: Uint8Array): void;
  /** What stands behind the last entry. */
  trailer(bytes: Uint8Array): void;
}

const types: Readonly<Record<string, TarEntry['type']>> = {
  '0': 'reg',
  '\0': 'reg',
  '1': 'hardlink',
  '2': 'symlink',
  '3': 'char',
  '4': 'block',
  '5': 'dir',
  '6': 'fifo',
};

/** Bytes of the headers of one entry. */
const maxHeadBytes = 4 * 1024 * 1024;
const none: TarExtensions = { pax: new Map(), longName: undefined, longLink: undefined };

/**
 * Takes a tar apart while it is read: bytes go in, in pieces of any size.
 *
 * @throws {CompressionError} `ERR_COMPRESSION_UNSUPPORTED` for what has no place in a table of contents: what is no
 * tar, sparse files, global pax headers, names that are not UTF-8
 */
export class TarWalker {
  readonly #visitor: TarVisitor;
  #block = new Uint8Array(blockSize);
  #filled = 0;
  #data = 0;
  #padding = 0;
  #isInEntry = false;
  #extension: { readonly typeflag: string; readonly chunks: Uint8Array[] } | undefined;
  #pending: TarExtensions = none;
  #head: Uint8Array[] = [];
  #headSize = 0;
  #isEnded = false;

  constructor(visitor: TarVisitor) {
    this.#visitor = visitor;
  }

  update(chunk: Uint8Array): void {
    for (let at = 0; at < chunk.byteLength; ) {
      if (this.#isEnded) {
        this.#visitor.trailer(chunk.subarray(at));
        return;
      }
      if (this.#data > 0) at += this.#takeData(chunk.subarray(at, at + this.#data));
      else if (this.#padding > 0) at += this.#takePadding(chunk.subarray(at, at + this.#padding));
      else at += this.#takeHeader(chunk.subarray(at, at + blockSize - this.#filled));
    }
  }

  end(): void {
    const isWhole = this.#data === 0 && this.#filled === 0 && this.#extension === undefined && this.#headSize === 0;
    if (!isWhole) throw unsupported('it ends in the middle of an entry');
  }

  #takeData(piece: Uint8Array): number {
    this.#data -= piece.byteLength;
    if (this.#extension === undefined) {
      this.#visitor.data(piece);
      if (this.#data === 0) this.#endEntry();
    } else {
      const copy = piece.slice();
      this.#extension.chunks.push(copy);
      this.#keepHead(copy);
      if (this.#data === 0) this.#endExtension();
    }
    return piece.byteLength;
  }

  #takePadding(piece: Uint8Array): number {
    this.#padding -= piece.byteLength;
    // That of an extension header belongs to the head of the entry that comes.
    if (this.#headSize > 0) this.#keepHead(piece.slice());
    else this.#visitor.padding(piece);
    return piece.byteLength;
  }

  #takeHeader(piece: Uint8Array): number {
    this.#block.set(piece, this.#filled);
    this.#filled += piece.byteLength;
    if (this.#filled === blockSize) this.#begin();
    return piece.byteLength;
  }

  #begin(): void {
    this.#filled = 0;
    const block = this.#block;
    const header = readHeader(block, this.#pending);
    if (header === undefined) {
      if (this.#headSize > 0) throw unsupported('it ends behind an extension header');
      this.#isEnded = true;
      this.#visitor.trailer(block);
      return;
    }
    this.#keepHead(block.slice());
    const { typeflag, dataSize } = header;
    this.#data = dataSize;
    this.#padding = (blockSize - (dataSize % blockSize)) % blockSize;
    if ('xLK'.includes(typeflag)) {
      this.#extension = { typeflag, chunks: [] };
      if (dataSize === 0) this.#endExtension();
      return;
    }
    const entry = entryOf(header, block, this.#pending);
    const head = joined(this.#head, this.#headSize);
    this.#head = [];
    this.#headSize = 0;
    this.#pending = none;
    this.#isInEntry = true;
    this.#visitor.entry(entry, head);
    if (dataSize === 0) this.#endEntry();
  }

  #endEntry(): void {
    if (this.#isInEntry) this.#visitor.endOfEntry();
    this.#isInEntry = false;
  }

  #endExtension(): void {
    if (this.#extension === undefined) return;
    const { typeflag, chunks } = this.#extension;
    this.#extension = undefined;
    const bytes = joined(chunks, sizeOf(chunks));
    if (typeflag === 'L') this.#pending = { ...this.#pending, longName: readLongName(bytes) };
    else if (typeflag === 'K') this.#pending = { ...this.#pending, longLink: readLongName(bytes) };
    else this.#pending = { ...this.#pending, pax: orUnsupported(() => readPaxRecords(bytes)) };
  }

  #keepHead(bytes: Uint8Array): void {
    this.#headSize += bytes.byteLength;
    if (this.#headSize > maxHeadBytes) throw unsupported(`an entry has more than ${maxHeadBytes} bytes of headers`);
    this.#head.push(bytes);
  }
}

function readHeader(block: Uint8Array, extensions: TarExtensions): TarHeader | undefined {
  return orUnsupported(() => readTarHeader(block, extensions));
}

function entryOf(header: TarHeader, block: Uint8Array, { pax }: TarExtensions): TarEntry {
  const name = textOf(header.name, 'name');
  const type = header.typeflag === '\0' && name.endsWith('/') ? 'dir' : types[header.typeflag];
  const isSparse = [...pax.keys()].some((key) => key.startsWith('GNU.sparse.'));
  if (type === undefined || isSparse) {
    const kind = isSparse ? 'a sparse file' : `of type ${JSON.stringify(header.typeflag)}`;
    throw unsupported(`${JSON.stringify(name)} is ${kind}`);
  }
  const { mode, uid, gid, size, dataSize } = header;
  return {
    ...{ mode, uid, gid, size, dataSize, type, name },
    linkname: textOf(header.linkname, 'target of a link'),
    uname: textOf(header.uname, 'name of an owner'),
    gname: textOf(header.gname, 'name of a group'),
    ...devicesOf(block),
    ...timesOf(header, block, pax),
    xattrs: Object.fromEntries(
      [...header.xattrs].map(([key, value]) => [
        textOf(key, 'name of an attribute'),
        Buffer.from(value, 'latin1').toString('base64'),
      ]),
    ),
  };
}

/** Go reads them of every entry of a known format. */
function devicesOf(block: Uint8Array): Pick<TarEntry, 'devmajor' | 'devminor'> {
  const isKnown = /^ustar(?:\0| {2}\0)/.test(Buffer.from(block.subarray(257, 265)).toString('latin1'));
  if (!isKnown) return { devmajor: 0, devminor: 0 };
  return orUnsupported(() => ({
    devmajor: readTarNumber(block, 329, 337),
    devminor: readTarNumber(block, 337, 345),
  }));
}

function timesOf(
  { mtime }: TarHeader,
  block: Uint8Array,
  pax: ReadonlyMap<ByteText, ByteText>,
): Pick<TarEntry, 'modtime' | 'accesstime' | 'changetime'> {
  const isGnu = Buffer.from(block.subarray(257, 265)).toString('latin1') === 'ustar  \0';
  const ofGnu = (at: number): string | undefined =>
    isGnu && block[at] !== 0 ? timeText(String(orUnsupported(() => readTarNumber(block, at, at + 12)))) : undefined;
  const ofPax = (key: string): string | undefined => {
    const value = pax.get(key);
    return value === undefined ? undefined : timeText(value);
  };
  return {
    modtime: ofPax('mtime') ?? timeText(String(mtime)),
    accesstime: ofPax('atime') ?? ofGnu(345),
    changetime: ofPax('ctime') ?? ofGnu(357),
  };
}

/** Seconds since 1970, as pax writes them, in RFC 3339 as Go does: nanoseconds, without zeros at the end. */
function timeText(seconds: string): string {
  const [, sign = '', whole = '0', fraction = ''] = /^(-?)(\d+)(?:\.(\d*))?$/.exec(seconds) ?? [];
  let second = Number(`${sign}${whole}`);
  let nanoseconds = Number(fraction.slice(0, 9).padEnd(9, '0'));
  if (sign === '-' && nanoseconds > 0) {
    second -= 1;
    nanoseconds = 1_000_000_000 - nanoseconds;
  }
  const date = new Date(second * 1000);
  if (Number.isNaN(date.getTime()) || date.getUTCFullYear() < 0 || date.getUTCFullYear() > 9999)
    throw unsupported(`a time of ${seconds} seconds has no name`);
  const digits = String(nanoseconds).padStart(9, '0').replace(/0+$/, '');
  return `${date.toISOString().slice(0, 19)}${digits === '' ? '' : `.${digits}`}Z`;
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function textOf(bytes: ByteText, what: string): string {
  try {
    return utf8.decode(Buffer.from(bytes, 'latin1'));
  } catch {
    throw unsupported(`the ${what} ${JSON.stringify(bytes)} is not UTF-8`);
  }
}

function orUnsupported<T>(read: () => T): T {
  try {
    return read();
  } catch (cause) {
    if (!(cause instanceof TarSumError)) throw cause;
    throw unsupported(cause.message.replace(/^.*?: /, ''), cause);
  }
}

/** A layer that cannot be taken apart. */
export function unsupported(why: string, cause?: unknown): CompressionError {
  const message = `Making a table of contents: ${why}`;
  return new CompressionError('ERR_COMPRESSION_UNSUPPORTED', message, cause === undefined ? undefined : { cause });
}

function sizeOf(chunks: readonly Uint8Array[]): number {
  return chunks.reduce((sum, { byteLength }) => sum + byteLength, 0);
}

function joined(chunks: readonly Uint8Array[], size: number): Uint8Array {
  if (chunks.length === 1) return chunks[0] as Uint8Array;
  const whole = new Uint8Array(size);
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.byteLength;
  }
  return whole;
}
