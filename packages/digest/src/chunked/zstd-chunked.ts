import { availableParallelism } from 'node:os';
import type { CompressOptions, Compressor } from '../compression/compressor.ts';
import {
  type BlockCompressorOptions,
  resolveCompressorOptions,
  workersFor,
} from '../compression/compressor-options.ts';
import { digestBytes } from '../hashing/hashing.ts';
import type { ByteStream } from '../streams/content.ts';
import { gathered } from '../streams/gather.ts';
import { SharedMemory } from '../threads/shared-memory.ts';
import { zstdOnThreads } from '../threads/zstd-threads.ts';
import { assertZstdAvailable, zstdLibrary } from '../zstd/zstd.ts';
import { batchesOf, compressBatches } from './chunked-stream.ts';
import { Crc64 } from './crc64.ts';
import { type Contents, chunkSize, PartBuilder } from './parts.ts';
import { type TarEntry, TarWalker, unsupported } from './tar-walk.ts';
import { ZstdText } from './zstd-text.ts';

const annotation = 'io.github.containers.zstd-chunked.';

/**
 * Makes zstd layers with a table of contents: every file is a zstd frame by itself, or several, and behind the layer
 * stand, in frames that decoders skip, the table, what is needed to make the very tar again (tar-split), and a footer.
 * The plain bytes are those of the source, so the diffID is too. Podman and CRI-O pull only what they do not have of
 * it.
 *
 * Files are cut at every MiB. The same bytes on every machine, whatever the timing.
 *
 * @throws {CompressionError} `ERR_COMPRESSION_UNSUPPORTED` without WebAssembly; out of the stream for a layer whose
 * entries a table of contents cannot name
 * @see https://github.com/containers/storage/blob/v1.57.2/pkg/chunked/internal/minimal/compression.go
 */
export function createZstdChunkedCompressor(
  options: Pick<BlockCompressorOptions, 'level' | 'concurrency'> = {},
): Compressor {
  assertZstdAvailable();
  const workers = workersFor(availableParallelism());
  const { level, concurrency } = resolveCompressorOptions('zstd', options, workers);
  return {
    compression: 'zstd',
    isDescribed: true,
    recipe: `zstd:chunked;${zstdLibrary};level=${level};chunk=${chunkSize / 1024}k;v1`,
    compress: (source, compressOptions = {}) =>
      gathered(zstdChunked(source, { ...compressOptions, level, concurrency }), compressOptions.reuse),
  };
}

interface ZstdChunkedOptions extends CompressOptions {
  readonly level: number;
  readonly concurrency: number;
}

const memory = new SharedMemory(16);

async function* zstdChunked(
  source: ByteStream,
  { level, concurrency, signal, onDescribed }: ZstdChunkedOptions,
): AsyncGenerator<Uint8Array, void, void> {
  const entries: Contents[] = [];
  const builder = new PartBuilder({ memory, joinsBetween: false });
  const tarSplit = new TarSplit(level);
  const toc = new ZstdText(level);
  const walker = new TarWalker({
    entry(entry, head) {
      builder.between(head);
      tarSplit.segment(head);
      tarSplit.beginFile(entry);
      const contents: Contents = { entry, chunks: [], digest: undefined, isRead: false };
      entries.push(contents);
      builder.beginFile(contents);
    },
    data(bytes) {
      builder.data(bytes);
      tarSplit.data(bytes);
    },
    endOfEntry() {
      builder.endFile();
      tarSplit.endFile();
    },
    padding(bytes) {
      builder.between(bytes);
      tarSplit.segment(bytes);
    },
    trailer(bytes) {
      builder.between(bytes);
      tarSplit.segment(bytes);
    },
  });
  toc.append('{"version":1,"entries":[');
  let separator = '';
  const body = compressBatches(
    batchesOf(
      source,
      (chunk) => walker.update(chunk),
      () => {
        walker.end();
        builder.end();
      },
      () => builder.takeReady(),
    ),
    {
      ...{ memory, concurrency, entries, signal },
      compress: (bytes, sizes) => zstdOnThreads(bytes, sizes, level),
      onEntry(contents) {
        for (const line of linesOf(contents)) {
          toc.append(`${separator}${line}`);
          separator = ',';
        }
      },
    },
  );
  const offset = yield* body;
  const split = await tarSplit.end();
  toc.append(`],"tarSplitDigest":"${digestBytes(split.compressed)}"}`);
  const table = await toc.end();
  const tocAt = offset + frameHeaderSize;
  const splitAt = tocAt + table.compressed.byteLength + frameHeaderSize;
  yield skippable(table.compressed);
  yield skippable(split.compressed);
  const position = [tocAt, table.compressed.byteLength, table.size] as const;
  const splitPosition = [splitAt, split.compressed.byteLength, split.size] as const;
  yield skippable(footer([...position, manifestType, ...splitPosition]));
  onDescribed?.({
    annotations: {
      [`${annotation}manifest-checksum`]: digestBytes(table.compressed),
      [`${annotation}manifest-position`]: [...position, manifestType].join(':'),
      [`${annotation}tarsplit-position`]: splitPosition.join(':'),
    },
  });
}

/** The table is one like that of CRFS. */
const manifestType = 1;
const frameHeaderSize = 8;
const footerMagic = 'GNUlInUx';

/** A frame that decoders pass over. */
function skippable(content: Uint8Array): Uint8Array {
  if (content.byteLength > 0xffff_ffff) throw unsupported('its table is larger than a zstd frame can be');
  const frame = new Uint8Array(frameHeaderSize + content.byteLength);
  const view = new DataView(frame.buffer);
  view.setUint32(0, 0x184d2a50, true);
  view.setUint32(4, content.byteLength, true);
  frame.set(content, frameHeaderSize);
  return frame;
}

function footer(numbers: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(64);
  const view = new DataView(bytes.buffer);
  for (const [at, number] of numbers.entries()) view.setBigUint64(8 * at, BigInt(number), true);
  bytes.set(new TextEncoder().encode(footerMagic), 56);
  return bytes;
}

/** One line for an entry, and one for each further chunk. Members that say nothing are left out. */
function linesOf({ entry, chunks, digest }: Contents): readonly string[] {
  const { type, name, linkname, mode, size, uid, gid, modtime, accesstime, changetime, devmajor, devminor, xattrs } =
    entry;
  const isCut = chunks.length > 1;
  return [undefined, ...chunks.slice(1)].map((further, at) => {
    const chunk = further ?? chunks[0];
    const place = chunk && {
      offset: chunk.offset,
      ...(further === undefined && { endOffset: chunks.at(-1)?.end }),
      ...(isCut && { chunkSize: chunk.size, chunkOffset: chunk.fileOffset || undefined, chunkDigest: chunk.digest }),
    };
    if (at > 0) return JSON.stringify({ type: 'chunk', name, ...place });
    return JSON.stringify({
      ...{ type, name, linkName: linkname || undefined, mode: mode || undefined, size: size || undefined },
      ...{ uid: uid || undefined, gid: gid || undefined, modtime, accesstime, changetime },
      ...{ devMajor: devmajor || undefined, devMinor: devminor || undefined },
      ...(Object.keys(xattrs).length > 0 && { xattrs }),
      ...{ digest, ...place },
    });
  });
}

/**
 * What is between the files of a tar, and checksums of what is in them: with it and the files, the very tar can be made
 * again.
 *
 * @see https://github.com/vbatts/tar-split/blob/v0.11.7/tar/storage/entry.go
 */
class TarSplit {
  readonly #text: ZstdText;
  readonly #seen = new Set<string>();
  #position = 0;
  #file: { readonly entry: TarEntry; readonly crc: Crc64 } | undefined;

  constructor(level: number) {
    this.#text = new ZstdText(level);
  }

  segment(bytes: Uint8Array): void {
    const payload = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
    this.#append({ type: 2, payload });
  }

  beginFile(entry: TarEntry): void {
    const path = cleanPath(entry.name);
    if (this.#seen.has(path)) throw unsupported(`${JSON.stringify(entry.name)} is there twice`);
    this.#seen.add(path);
    this.#file = { entry, crc: new Crc64() };
  }

  data(bytes: Uint8Array): void {
    this.#file?.crc.update(bytes);
  }

  endFile(): void {
    if (this.#file === undefined) return;
    const { entry, crc } = this.#file;
    const { name, dataSize } = entry;
    const payload = dataSize === 0 ? null : Buffer.from(crc.sum()).toString('base64');
    this.#append({ type: 1, name, ...(dataSize > 0 && { size: dataSize }), payload });
    this.#file = undefined;
  }

  end(): ReturnType<ZstdText['end']> {
    return this.#text.end();
  }

  #append(entry: object): void {
    this.#text.append(`${JSON.stringify({ ...entry, position: this.#position })}\n`);
    this.#position += 1;
  }
}

/** As Go's `filepath.Clean` has it. */
function cleanPath(name: string): string {
  const parts: string[] = [];
  const isRooted = name.startsWith('/');
  for (const part of name.split('/')) {
    if (part === '' || part === '.') continue;
    if (part === '..' && parts.length > 0 && parts.at(-1) !== '..') parts.pop();
    else if (part !== '..' || !isRooted) parts.push(part);
  }
  return `${isRooted ? '/' : ''}${parts.join('/')}` || '.';
}
