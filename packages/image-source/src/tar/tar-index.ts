import type { AbortOptions } from '@slipway/digest';
import { invalidSource, type SourceError } from '../errors.ts';
import type { FileReader } from '../files/file-reader.ts';
import type { ResolvedSourceLimits } from '../options.ts';
import { cleanMemberName, followedMemberName } from './member-path.ts';
import { parsePaxRecords } from './pax-records.ts';
import { GnuSparseHeader, type PaxSparse, paxSparseOf, piecesOfNumbers, readSparseMap } from './sparse-map.ts';
import type { SparsePiece, TarEntry, TarFile, TarIndex } from './tar-entry.ts';
import { readTarHeader, type TarHeader } from './tar-header.ts';

export interface TarIndexOptions extends AbortOptions {
  readonly limits: ResolvedSourceLimits;
  /** Names that may appear only once: two readers that disagree on which one counts would see two images. */
  readonly unique?: readonly string[] | undefined;
}

type Fail = (reason: string) => SourceError;

const blockSize = 512;
/** Where in a header the type flag stands. */
const typeOffset = 156;
const zeroBlock = Buffer.alloc(blockSize);
/** Bytes per read of headers: a page is what the kernel fetches anyway, and small members share it. */
const windowSize = 4096;
/** First bytes that are kept of each file: enough to know compressed ones by. */
const headSize = 16;

/**
 * Scans the headers of a tar once, skipping all data: ustar, pax, GNU long names, sizes in base 256, sparse files. A
 * missing end mark is tolerated, as tar does; truncated headers and data are not. A member whose name could lead out of
 * the archive is passed over: nothing is unpacked here, and only names that an image uses are looked up.
 *
 * @throws {SourceError} `ERR_SOURCE_INVALID` when it is damaged or hostile; the message names the member and the
 * offset.
 */
export async function readTarIndex(file: FileReader, options: TarIndexOptions): Promise<TarIndex> {
  const scan = new Scan(file, options);
  while (await scan.next()) options.signal?.throwIfAborted();
  return scan.index;
}

/** What extension headers say of the entry that follows them. */
interface Extensions {
  pax: ReadonlyMap<string, string> | undefined;
  longName: string | undefined;
  longLink: string | undefined;
}

const notTar = 'it is not a tar archive';

const noExtensions = { pax: undefined, longName: undefined, longLink: undefined } as const;

class Scan {
  readonly index = new Map<string, TarEntry>();
  readonly #file: FileReader;
  readonly #limits: ResolvedSourceLimits;
  readonly #unique: ReadonlySet<string>;
  #position = 0;
  #entries = 0;
  #headersBefore = 0;
  #pending: Extensions = { ...noExtensions };
  #window: { readonly start: number; readonly bytes: Buffer } | undefined;

  constructor(file: FileReader, { limits, unique = [] }: TarIndexOptions) {
    this.#file = file;
    this.#limits = limits;
    this.#unique = new Set(unique);
  }

  /** Takes in one header. False at the end of the archive. */
  async next(): Promise<boolean> {
    const start = this.#position;
    const block = await this.#block(start);
    if (!block) return this.#end();
    if (block.equals(zeroBlock)) {
      const second = await this.#block(start + blockSize);
      if (second && !second.equals(zeroBlock)) throw this.#invalid('a lone zero block is followed by more data');
      return this.#end();
    }
    const header = this.#decode(block);
    if (header === undefined) throw this.#invalid(start === 0 ? notTar : 'the checksum of a header is wrong');
    this.#position = start + blockSize;
    const flag = String.fromCharCode(block[typeOffset]!);
    switch (flag) {
      case 'x':
        this.#pending.pax = await this.#readPax(header);
        break;
      case 'g':
        assertHarmlessGlobals(await this.#readPax(header), (reason) => this.#invalid(reason));
        break;
      case 'L':
        this.#pending.longName = await this.#readLongName(header);
        break;
      case 'K':
        this.#pending.longLink = await this.#readLongName(header);
        break;
      default:
        await this.#take(header, flag, block);
        this.#pending = { ...noExtensions };
        this.#headersBefore = 0;
        return true;
    }
    // An archive of extension headers alone must hit a limit too.
    this.#headersBefore += 1;
    if (this.#headersBefore > 16) throw this.#invalid('more than 16 extension headers precede one entry');
    return true;
  }

  #end(): false {
    if (this.#headersBefore > 0) throw this.#invalid('it ends after an extension header');
    return false;
  }

  async #block(position: number): Promise<Buffer | undefined> {
    const left = this.#file.size - position;
    if (left === 0) return undefined;
    if (left < blockSize) throw this.#invalid(`the archive is truncated within a header, at byte ${position}`);
    const within = this.#window ? position - this.#window.start : -1;
    if (!this.#window || within < 0 || within + blockSize > this.#window.bytes.byteLength) {
      this.#window = { start: position, bytes: await this.#file.read(position, Math.min(windowSize, left)) };
      return this.#window.bytes.subarray(0, blockSize);
    }
    return this.#window.bytes.subarray(within, within + blockSize);
  }

  /** The first bytes of what begins at `start`, where they are at hand; a copy, that keeps no window in memory. */
  #head(start: number, size: number): Uint8Array | undefined {
    const within = this.#window === undefined ? -1 : start - this.#window.start;
    const length = Math.min(headSize, size);
    if (this.#window === undefined || within < 0 || within + length > this.#window.bytes.byteLength) return undefined;
    return Uint8Array.from(this.#window.bytes.subarray(within, within + length));
  }

  #decode(block: Buffer): TarHeader | undefined {
    try {
      return readTarHeader(block);
    } catch (cause) {
      throw this.#invalid('a number in a header cannot be represented', cause);
    }
  }

  async #take(header: TarHeader, flag: string, block: Buffer): Promise<void> {
    this.#entries += 1;
    if (this.#entries > this.#limits.maxEntries) {
      throw this.#invalid(`it has more than ${this.#limits.maxEntries} entries`);
    }
    // GNU before pax, as in Go's archive/tar.
    const { pax, longName, longLink } = this.#pending;
    const sparse = paxSparseOf(pax);
    const name = longName ?? sparse?.name ?? pax?.get('path') ?? header.name;
    const target = longLink ?? pax?.get('linkpath') ?? header.link;
    const fail: Fail = (reason) => this.#invalid(`member ${JSON.stringify(shorten(name))} ${reason}`);
    for (const text of [name, target]) {
      if (Buffer.byteLength(text) > this.#limits.maxNameBytes) {
        throw fail(`has a name longer than ${this.#limits.maxNameBytes} bytes`);
      }
    }
    const size = isHeaderOnly(flag) ? 0 : dataSize(header, pax?.get('size'), fail);
    const gnuSparse = flag === 'S' ? await this.#readGnuSparse(block) : undefined;
    const left = this.#file.size - this.#position;
    if (size > left) throw fail(`is truncated: ${size} bytes announced, ${left} left in the archive`);
    const isFolder = flag === '5' || name.endsWith('/');
    // Tools disagree on whether a file whose name ends in `/` has data: nobody who means well writes that.
    if (isFolder && size > 0) throw fail('is a folder with content');
    const start = this.#position;
    this.#position = this.#afterData(size);
    const member = this.#memberName(name, fail);
    if (member === undefined || member === '') return;
    if (this.#unique.has(member) && this.index.has(member)) throw fail('appears twice');
    if (isFolder) this.index.set(member, { type: 'folder' });
    else if (gnuSparse !== undefined) this.index.set(member, this.#sparseFile(gnuSparse, start, size));
    else if (sparse !== undefined) this.index.set(member, await this.#paxSparseFile(sparse, start, size));
    else this.index.set(member, entryOf(flag, { offset: start, size, head: this.#head(start, size) }, target));
  }

  /**
   * Undefined for a name under which nothing can be looked up. One that other programs take for a list of images is
   * refused.
   */
  #memberName(name: string, fail: Fail): string | undefined {
    try {
      return cleanMemberName(name, fail);
    } catch (error) {
      if (this.#unique.has(followedMemberName(name))) throw error;
      return undefined;
    }
  }

  /** Reads the old GNU format to its end: further headers of the map lie between the header and the data. */
  async #readGnuSparse(block: Buffer): Promise<SparseLayout> {
    const header = new GnuSparseHeader(block);
    for (let more = header.hasMore; more; ) {
      const next = await this.#block(this.#position);
      if (!next) throw this.#invalid('the archive is truncated within the map of a sparse file');
      this.#position += blockSize;
      more = header.take(next);
      if (header.numbers.length > this.#limits.maxExtensionBytes / 16) {
        throw this.#invalid('the map of a sparse file is longer than the limit');
      }
    }
    return { size: header.realSize, pieces: piecesOfNumbers(header.numbers) };
  }

  async #paxSparseFile(sparse: PaxSparse, start: number, stored: number): Promise<TarEntry> {
    const { realSize, numbers } = sparse;
    if (numbers !== undefined) {
      return this.#sparseFile({ size: realSize, pieces: piecesOfNumbers(numbers) }, start, stored);
    }
    // Version 1.0 has its map in front of the data.
    const most = Math.min(stored, this.#limits.maxExtensionBytes);
    const map = readSparseMap(await this.#file.read(start, most));
    if (map === undefined) return this.#sparseFile({ size: realSize, pieces: undefined }, start, stored);
    const pieces = piecesOfNumbers(map.numbers);
    return this.#sparseFile({ size: realSize, pieces }, start + map.byteLength, stored - map.byteLength);
  }

  /** A sparse file that makes no sense, or is a bomb, is nobody's concern until somebody wants to read it. */
  #sparseFile({ size, pieces }: SparseLayout, offset: number, stored: number): TarEntry {
    const { maxSpoolBytes, maxSpoolRatio } = this.#limits;
    if (size === undefined || pieces === undefined || !fits(pieces, size, stored)) {
      return { type: 'unreadable', reason: 'is a sparse file whose map is malformed' };
    }
    if (size > maxSpoolBytes || (size > sparseRatioFromBytes && size > maxSpoolRatio * stored)) {
      return { type: 'unreadable', reason: `is a sparse file of ${size} bytes, of which only ${stored} are stored` };
    }
    return { type: 'file', offset, size, pieces };
  }

  /** Start of the next header; a last member's missing padding is tolerated. */
  #afterData(size: number): number {
    return Math.min(this.#position + Math.ceil(size / blockSize) * blockSize, this.#file.size);
  }

  async #readPax(header: TarHeader): Promise<ReadonlyMap<string, string>> {
    const bytes = await this.#extension(header);
    const records = parsePaxRecords(bytes);
    if (!records) throw this.#invalid('a pax header is malformed');
    return records;
  }

  async #readLongName(header: TarHeader): Promise<string> {
    const bytes = await this.#extension(header);
    const end = bytes.indexOf(0);
    return bytes.toString('utf8', 0, end === -1 ? bytes.byteLength : end);
  }

  async #extension({ size }: TarHeader): Promise<Buffer> {
    if (size === undefined) throw this.#invalid('an extension header has no valid size');
    if (size > this.#limits.maxExtensionBytes) {
      throw this.#invalid(
        `an extension header has ${size} bytes, more than the limit of ${this.#limits.maxExtensionBytes}`,
      );
    }
    const start = this.#position;
    if (size > this.#file.size - start) throw this.#invalid('the archive is truncated within an extension header');
    this.#position = this.#afterData(size);
    return this.#file.read(start, size);
  }

  #invalid(reason: string, cause?: unknown): SourceError {
    const where = this.#position === 0 ? '' : ` (near byte ${this.#position})`;
    return invalidSource(`Cannot read ${JSON.stringify(this.#file.name)}: ${reason}${where}`, { cause });
  }
}

/**
 * Links, devices, folders and FIFOs have no data, whatever their size field says; as in Go's archive/tar, which docker
 * uses.
 */
function isHeaderOnly(flag: string): boolean {
  return '123456'.includes(flag);
}

function dataSize(header: TarHeader, paxSize: string | undefined, fail: Fail): number {
  if (paxSize !== undefined && !/^\d{1,15}$/.test(paxSize)) throw fail(`has a pax size of ${JSON.stringify(paxSize)}`);
  const size = paxSize === undefined ? header.size : Number(paxSize);
  if (size === undefined || !Number.isSafeInteger(size)) throw fail('has no valid size');
  return size;
}

function entryOf(flag: string, file: Omit<TarFile, 'type'>, target: string): TarEntry {
  switch (flag) {
    case '0':
    case '\0':
    case '7': // contiguous, which nobody tells from a file any more
      return { type: 'file', ...file };
    case '1':
      return { type: 'hardlink', target };
    case '2':
      return { type: 'symlink', target };
    default:
      return { type: 'other' };
  }
}

/** Tools disagree on whether global headers reach the entries after them; comments hurt nobody, names and sizes do. */
function assertHarmlessGlobals(pax: ReadonlyMap<string, string>, fail: Fail): void {
  for (const key of pax.keys()) {
    if (key === 'path' || key === 'linkpath' || key === 'size' || isSparseKey(key)) {
      throw fail(`a global pax header sets ${JSON.stringify(key)}`);
    }
  }
}

/** What a sparse file is made of; undefined is what its headers do not say, or say wrongly. */
interface SparseLayout {
  readonly size: number | undefined;
  readonly pieces: readonly SparsePiece[] | undefined;
}

/** A sparse file may be as large as this whatever the size of its data: the ratio says nothing about a small one. */
const sparseRatioFromBytes = 4 * 1024 ** 3;

function fits(pieces: readonly SparsePiece[], size: number, stored: number): boolean {
  const total = pieces.reduce((sum, piece) => sum + piece.size, 0);
  const last = pieces.at(-1);
  return total === stored && (last === undefined || last.offset + last.size <= size);
}

function isSparseKey(key: string): boolean {
  return key.startsWith('GNU.sparse.');
}

function shorten(name: string): string {
  return name.length > 200 ? `${name.slice(0, 200)}…` : name;
}
