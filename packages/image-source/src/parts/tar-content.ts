import { Buffer } from 'node:buffer';
import { type ByteStream, type Content, exactContent, type OpenOptions } from '@slipway/digest';
import { Header, type HeaderData } from 'tar/header';
import { Pax } from 'tar/pax';
import { wrongSize } from '../errors.ts';
import { assertOffset } from '../files/file-reader.ts';
import type { LayerEntry } from './layer-entry.ts';

/** An entry, and where it begins in the tar. */
interface PlacedEntry {
  readonly entry: LayerEntry;
  /** Of its header, in bytes from the start. */
  readonly offset: number;
  readonly headerSize: number;
  readonly size: number;
}

const blockSize = 512;
const endOfTar = 2 * blockSize;
/** What several small pieces are gathered to, so that whoever hashes or sends them is not called for each. */
const chunkSize = 128 * 1024;
/**
 * More than the 256 bytes that a plain header has room for. Of longer names the library writes a beginning, and looks
 * at every `/` for where to split it: it gets no more of them than this.
 */
const seenOfPath = 300;
const types = { file: 'File', folder: 'Directory', symlink: 'SymbolicLink', hardlink: 'Link' } as const;

/**
 * The entries as a tar that can be opened at any offset, and is the same each time. Headers are made when they are
 * read; content is held nowhere.
 */
export function tarContent(entries: readonly LayerEntry[]): Content {
  const placed: PlacedEntry[] = [];
  let offset = 0;
  for (const entry of entries) {
    const headerSize = headerOf(entry).byteLength;
    const size = entry.content?.size ?? 0;
    placed.push({ entry, offset, headerSize, size });
    offset += headerSize + padded(size);
  }
  const size = offset + endOfTar;
  return {
    size,
    async *open({ from = 0, signal }: OpenOptions = {}) {
      assertOffset(from, size);
      signal?.throwIfAborted();
      yield* gathered(piecesFrom(placed, from, size, signal));
    },
  };
}

async function* piecesFrom(
  placed: readonly PlacedEntry[],
  from: number,
  total: number,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array, void, void> {
  for (let at = firstAt(placed, from); at < placed.length; at += 1) {
    signal?.throwIfAborted();
    const { entry, offset, headerSize, size } = placed[at]!;
    const skip = Math.max(0, from - offset);
    if (skip < headerSize) yield headerOf(entry).subarray(skip);
    const start = Math.max(0, skip - headerSize);
    if (start < size) yield* whole(entry, start, signal);
    const zeros = padded(size) - Math.max(size, start);
    if (zeros > 0) yield Buffer.alloc(zeros);
  }
  const end = total - Math.max(from, total - endOfTar);
  if (end > 0) yield Buffer.alloc(end);
}

/** What a caller's content says of its size is what the headers say: anything else would spoil all that follows. */
function whole({ name, content }: LayerEntry, from: number, signal: AbortSignal | undefined): ByteStream {
  if (content === undefined) throw new Error('unreachable: what has bytes has content');
  const label = `The content of ${JSON.stringify(name)}`;
  return exactContent(content, (actual) => wrongSize(label, actual)).open({ from, signal });
}

/** The first entry that reaches beyond `from`. */
function firstAt(placed: readonly PlacedEntry[], from: number): number {
  let low = 0;
  let high = placed.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const { offset, headerSize, size } = placed[middle]!;
    if (offset + headerSize + padded(size) > from) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** Names, links and numbers that a plain header has no room for go into a pax header before it. */
function headerOf(entry: LayerEntry): Buffer {
  const { name, type, mode, uid, gid, mtime, target, content } = entry;
  const path = type === 'folder' ? `${name}/` : name;
  const size = content?.size ?? 0;
  const plain: HeaderData = {
    path: path.slice(0, seenOfPath),
    mode,
    uid,
    gid,
    size,
    mtime: new Date(mtime * 1000),
    type: types[type],
    uname: '',
    gname: '',
    devmaj: 0,
    devmin: 0,
    ...(target === undefined ? {} : { linkpath: target }),
  };
  const header = new Header(plain);
  const block = Buffer.alloc(blockSize);
  const needsPax = header.encode(block);
  // Names from here on the library splits in two, and puts "./" before those that have no folder.
  if (!needsPax && Buffer.byteLength(path) < 100) return block;
  const extended = new Pax({
    path,
    ...(target === undefined ? {} : { linkpath: target }),
    ...(size > 0o77777777777 ? { size } : {}),
    ...(uid > 0o7777777 ? { uid } : {}),
    ...(gid > 0o7777777 ? { gid } : {}),
  });
  return Buffer.concat([extended.encode(), block]);
}

function padded(size: number): number {
  return Math.ceil(size / blockSize) * blockSize;
}

/** Copies small pieces together, and lets large ones through. */
async function* gathered(pieces: ByteStream): AsyncGenerator<Uint8Array, void, void> {
  let buffer: Buffer | undefined;
  let filled = 0;
  for await (const piece of pieces) {
    if (buffer !== undefined && filled + piece.byteLength > chunkSize) {
      yield buffer.subarray(0, filled);
      buffer = undefined;
      filled = 0;
    }
    if (piece.byteLength >= chunkSize / 2 && buffer === undefined) {
      yield piece;
      continue;
    }
    buffer ??= Buffer.allocUnsafeSlow(chunkSize);
    buffer.set(piece, filled);
    filled += piece.byteLength;
  }
  if (buffer !== undefined && filled > 0) yield buffer.subarray(0, filled);
}
