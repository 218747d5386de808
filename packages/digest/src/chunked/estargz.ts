import { createHash } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { crc32 } from 'node:zlib';
import { type DeflateLevel, deflateVersion, isDeflateAvailable } from '@slipway/deflate';
import type { Digest } from '@slipway/digest-value';
import type { CompressOptions, Compressor } from '../compression/compressor.ts';
import {
  type BlockCompressorOptions,
  resolveCompressorOptions,
  workersFor,
} from '../compression/compressor-options.ts';
import { CompressionError } from '../errors.ts';
import { createGzipCompressor } from '../gzip/gzip.ts';
import { gzipHeader, gzipTrailer } from '../gzip/gzip-format.ts';
import type { ByteStream } from '../streams/content.ts';
import { gathered } from '../streams/gather.ts';
import { deflateOnThreads } from '../threads/deflate-threads.ts';
import { SharedMemory } from '../threads/shared-memory.ts';
import { batchesOf, type CompressedParts, compressBatches } from './chunked-stream.ts';
import { type Contents, chunkSize, PartBuilder } from './parts.ts';
import { type TarEntry, TarWalker, unsupported } from './tar-walk.ts';

const tocName = 'stargz.index.json';
const prefetchLandmark = '.prefetch.landmark';
const noPrefetchLandmark = '.no.prefetch.landmark';
const highestLevel = 6;

/**
 * Makes gzip layers with a table of contents, which every client can unpack and the stargz snapshotter can mount before
 * it has pulled them: every file is a gzip member by itself, or several, and the last entry of the tar is the table. So
 * the plain bytes are not those of the source, and the layer gets another diffID, which is told with the table's
 * digest.
 *
 * Files are cut at every MiB. A table that the source has is left out, and a landmark of prefetching stays where it is;
 * where there is none, the one that says so stands behind all files. The same bytes on every machine, whatever the
 * timing.
 *
 * @throws {CompressionError} `ERR_COMPRESSION_UNSUPPORTED` without WebAssembly SIMD; out of the stream for a layer
 * whose entries a table of contents cannot name
 * @see https://github.com/containerd/stargz-snapshotter/blob/v0.16.3/docs/estargz.md
 */
export function createEstargzCompressor(
  options: Pick<BlockCompressorOptions, 'level' | 'concurrency'> = {},
): Compressor {
  if (!isDeflateAvailable()) {
    const message = 'Compressing eStargz: expected a runtime with WebAssembly SIMD, and found none';
    throw new CompressionError('ERR_COMPRESSION_UNSUPPORTED', message);
  }
  const workers = workersFor(availableParallelism());
  const { level: asked, concurrency } = resolveCompressorOptions('gzip', options, workers);
  const level = Math.min(asked, highestLevel) as DeflateLevel;
  return {
    compression: 'gzip',
    isDescribed: true,
    recipe: `estargz;slipway-deflate-${deflateVersion};level=${level};chunk=${chunkSize / 1024}k;v1`,
    compress: (source, compressOptions = {}) =>
      gathered(estargz(source, { ...compressOptions, level, concurrency }), compressOptions.reuse),
  };
}

/** Whether {@link createEstargzCompressor} finds what it needs: WebAssembly with SIMD. */
export function isEstargzAvailable(): boolean {
  return isDeflateAvailable();
}

interface EstargzOptions extends CompressOptions {
  readonly level: DeflateLevel;
  readonly concurrency: number;
}

const memory = new SharedMemory(16);

async function* estargz(
  source: ByteStream,
  { level, concurrency, signal, onDescribed }: EstargzOptions,
): AsyncGenerator<Uint8Array, void, void> {
  const entries: Contents[] = [];
  const diffID = createHash('sha256');
  let plainSize = 0;
  const onPlain = (bytes: Uint8Array): void => {
    diffID.update(bytes);
    plainSize += bytes.byteLength;
  };
  const builder = new PartBuilder({ memory, joinsBetween: true, onBatch: onPlain });
  let hasLandmark = false;
  let isLeftOut = false;
  const begin = (entry: TarEntry, head: Uint8Array): void => {
    builder.between(head);
    const contents: Contents = { entry, chunks: [], digest: undefined, isRead: false };
    entries.push(contents);
    builder.beginFile(contents);
  };
  const walker = new TarWalker({
    entry(entry, head) {
      const name = entry.name.replace(/^(?:\.?\/)+/, '');
      isLeftOut = name === tocName;
      hasLandmark ||= name === prefetchLandmark || name === noPrefetchLandmark;
      if (!isLeftOut) begin(entry, head);
    },
    data(bytes) {
      if (!isLeftOut) builder.data(bytes);
    },
    endOfEntry() {
      if (!isLeftOut) builder.endFile();
    },
    padding(bytes) {
      if (!isLeftOut) builder.between(bytes);
    },
    trailer(bytes) {
      // The table stands behind all: the end of the archive is written anew.
      if (bytes.some((byte) => byte !== 0)) throw unsupported('something stands behind the end of the archive');
    },
  });
  const table = new TableText();
  const offset = yield* compressBatches(
    batchesOf(
      source,
      (chunk) => walker.update(chunk),
      () => {
        walker.end();
        if (!hasLandmark) addLandmark(begin, builder);
        builder.end();
      },
      () => builder.takeReady(),
    ),
    {
      ...{ memory, concurrency, entries, signal },
      compress: (bytes, sizes) => gzipMembers(bytes, sizes, level),
      onEntry: (contents) => table.add(contents),
    },
  );
  const toc = table.end();
  const gzip = createGzipCompressor({ level, concurrency, compressor: 'deflate' });
  yield* gzip.compress(tocMember(toc, onPlain), { signal });
  yield footer(offset);
  const hash = createHash('sha256');
  for (const bytes of toc) hash.update(bytes);
  onDescribed?.({
    annotations: {
      'containerd.io/snapshot/stargz/toc.digest': `sha256:${hash.digest('hex')}`,
      'io.containers.estargz.uncompressed-size': String(plainSize),
    },
    diffID: `sha256:${diffID.digest('hex')}` as Digest,
  });
}

/** One gzip member for each part. */
async function gzipMembers(bytes: Uint8Array, sizes: readonly number[], level: DeflateLevel): Promise<CompressedParts> {
  let at = 0;
  const members = await Promise.all(
    sizes.map(async (size) => {
      const part = bytes.subarray(at, at + size);
      at += size;
      const deflated = await deflateOnThreads(part, { level, final: true });
      return Buffer.concat([gzipHeader(), deflated, gzipTrailer(crc32(part), size)]);
    }),
  );
  return { made: new Uint8Array(Buffer.concat(members)), sizes: members.map(({ byteLength }) => byteLength) };
}

const landmarkContents = Uint8Array.of(0x0f);

function addLandmark(begin: (entry: TarEntry, head: Uint8Array) => void, builder: PartBuilder): void {
  const size = landmarkContents.byteLength;
  const entry: TarEntry = {
    ...{ type: 'reg', name: noPrefetchLandmark, mode: 0, uid: 0, gid: 0, size, dataSize: size },
    ...{ linkname: '', uname: '', gname: '', devmajor: 0, devminor: 0, xattrs: {} },
    ...{ modtime: noTime, accesstime: undefined, changetime: undefined },
  };
  begin(entry, tarHeader(noPrefetchLandmark, size));
  builder.data(landmarkContents);
  builder.endFile();
  builder.between(zerosAfter(size));
}

const noTime = '1970-01-01T00:00:00Z';

/** The table in the making: an object for each entry, and one for each further chunk. */
class TableText {
  readonly #blocks: Uint8Array[] = [];
  #lines: string[] = ['{"version":1,"entries":['];
  #length = 0;
  #separator = '';

  add({ entry, chunks, digest }: Contents): void {
    const { type, name, size, modtime, linkname, mode, uid, gid, uname, gname, devmajor, devminor, xattrs } = entry;
    const isDevice = type === 'char' || type === 'block';
    const isLink = type === 'symlink' || type === 'hardlink';
    const place = (at: number): object => {
      const chunk = chunks[at];
      if (chunk === undefined) return {};
      const isLast = at === chunks.length - 1;
      return {
        ...{ offset: chunk.offset, chunkOffset: chunk.fileOffset || undefined },
        ...{ chunkSize: isLast ? undefined : chunk.size, chunkDigest: chunk.digest },
      };
    };
    this.#append({
      ...{ name, type, size: type === 'reg' && size > 0 ? size : undefined },
      modtime: modtime === noTime ? undefined : modtime.replace(/\.\d+Z$/, 'Z'),
      ...{ linkName: isLink ? linkname : undefined, mode, uid, gid },
      ...{ userName: uname || undefined, groupName: gname || undefined },
      ...(isDevice && { devMajor: devmajor, devMinor: devminor }),
      ...(Object.keys(xattrs).length > 0 && { xattrs }),
      ...{ digest: type === 'reg' ? (digest ?? emptyDigest) : undefined, ...place(0) },
    });
    for (let at = 1; at < chunks.length; at += 1) this.#append({ name, type: 'chunk', ...place(at) });
  }

  end(): readonly Uint8Array[] {
    this.#lines.push(']}');
    this.#flush();
    return this.#blocks;
  }

  #append(object: object): void {
    const line = `${this.#separator}${JSON.stringify(object)}`;
    this.#lines.push(line);
    this.#separator = ',';
    this.#length += line.length;
    if (this.#length >= 1024 * 1024) this.#flush();
  }

  #flush(): void {
    this.#blocks.push(new TextEncoder().encode(this.#lines.join('')));
    this.#lines = [];
    this.#length = 0;
  }
}

const emptyDigest = `sha256:${createHash('sha256').digest('hex')}`;

/** The table as the last entry of the tar, and the end of the archive. */
async function* tocMember(
  toc: readonly Uint8Array[],
  onBytes: (bytes: Uint8Array) => void,
): AsyncGenerator<Uint8Array, void, void> {
  const size = toc.reduce((sum, { byteLength }) => sum + byteLength, 0);
  for (const bytes of [tarHeader(tocName, size), ...toc, zerosAfter(size), new Uint8Array(1024)]) {
    onBytes(bytes);
    yield bytes;
  }
}

/** A header as Go writes one of which nothing is given but name and size. */
function tarHeader(name: string, size: number): Uint8Array {
  const header = Buffer.alloc(512);
  const octal = (value: number, digits: number): string => value.toString(8).padStart(digits, '0');
  header.write(name, 0, 'latin1');
  for (const at of [100, 108, 116]) header.write(octal(0, 7), at, 'latin1');
  header.write(octal(size, 11), 124, 'latin1');
  header.write(octal(0, 11), 136, 'latin1');
  header.write(' '.repeat(8), 148, 'latin1');
  header.write('0', 156, 'latin1');
  header.write('ustar\x0000', 257, 'latin1');
  for (const at of [329, 337]) header.write(octal(0, 7), at, 'latin1');
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${octal(sum, 6)}\0 `, 148, 'latin1');
  return new Uint8Array(header);
}

function zerosAfter(size: number): Uint8Array {
  return new Uint8Array((512 - (size % 512)) % 512);
}

/** An empty gzip member that says where the table begins: 51 bytes. */
function footer(tocOffset: number): Uint8Array {
  const subfield = `${tocOffset.toString(16).padStart(16, '0')}STARGZ`;
  return Uint8Array.of(
    ...[0x1f, 0x8b, 8, 4, 0, 0, 0, 0, 0, 0xff],
    ...[26, 0, 0x53, 0x47, 22, 0],
    ...new TextEncoder().encode(subfield),
    ...[1, 0, 0, 0xff, 0xff],
    ...new Uint8Array(8),
  );
}
