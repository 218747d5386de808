import { type AbortOptions, type Content, type Digest, digestStream, type OpenOptions } from '@slipway/digest';
import { seededRandom } from './seeded-random.ts';
import { paddingOf, type TarEntry, tarEnd, tarHeader } from './tar-format.ts';

/**
 * What files are made of: words (about a third when compressed), noise (nothing is gained), zeros (nothing is left).
 */
export type ContentKind = 'text' | 'random' | 'zeros';

export interface RandomLayerOptions {
  /** @default 'slipway' */
  readonly seed?: string | number | undefined;
  /** Bytes of all files together; the archive is somewhat larger. @default 65_536 */
  readonly size?: number | undefined;
  /** @default 'text' */
  readonly kind?: ContentKind | undefined;
  /** Files that share the bytes. @default 3 */
  readonly files?: number | undefined;
}

/** A layer that can be made again at any time, and is never held in memory. */
export interface TestLayer {
  /** The uncompressed archive. */
  readonly tar: Content;
  readonly diffID: Digest;
  /** Bytes of the uncompressed archive. */
  readonly size: number;
}

/** A part of the archive: fixed bytes, or the content of a file. */
interface Segment {
  readonly size: number;
  open(from: number): Iterable<Uint8Array>;
}

/**
 * Makes a layer: directories, files, a symlink, a hard link and a name beyond 100 characters.
 * Its bytes depend on the options alone. It is generated once, for its diffID, and again by whoever opens it.
 */
export async function randomLayer(options: RandomLayerOptions & AbortOptions = {}): Promise<TestLayer> {
  const tar = contentOfSegments(segmentsOf(options));
  const { digest: diffID } = await digestStream(tar.open({ signal: options.signal }));
  return { tar, diffID, size: tar.size };
}

function segmentsOf({ seed = 'slipway', size = 65_536, kind = 'text', files = 3 }: RandomLayerOptions): Segment[] {
  if (!(Number.isInteger(files) && files > 0))
    throw new RangeError(`Expected \`files\` to be at least 1, got ${files}`);
  const root = `layer-${seededRandom(seed)
    .integer(2 ** 32)
    .toString(16)}`;
  const deep = `${root}/${'a-folder-with-a-long-name/'.repeat(5)}`;
  const segments: Segment[] = [];
  const add = (entry: TarEntry): void => void segments.push(fixed(tarHeader(entry)));
  add({ name: `${root}/`, type: 'directory' });
  add({ name: deep, type: 'directory', mode: 0o700 });
  for (let index = 0; index < files; index += 1) {
    const fileSize = Math.floor(size / files) + (index < size % files ? 1 : 0);
    const name = index === 1 ? `${deep}file-${index}.bin` : `${root}/file-${index}.bin`;
    const content = fileContent(`${seed}/${index}`, fileSize, kind);
    add({ name, type: 'file', content: { size: fileSize, open: () => never() }, mode: index === 0 ? 0o755 : 0o644 });
    segments.push(content, fixed(new Uint8Array(paddingOf(fileSize))));
  }
  add({ name: `${root}/link`, type: 'symlink', target: 'file-0.bin' });
  add({ name: `${root}/hard-link`, type: 'hardlink', target: `${root}/file-0.bin` });
  segments.push(fixed(tarEnd));
  return segments;
}

/** A header needs a file's size only. */
async function* never(): AsyncGenerator<Uint8Array> {}

function contentOfSegments(segments: readonly Segment[]): Content {
  return {
    size: segments.reduce((sum, segment) => sum + segment.size, 0),
    async *open({ from = 0, signal }: OpenOptions = {}) {
      let skip = from;
      for (const segment of segments) {
        if (skip >= segment.size) {
          skip -= segment.size;
          continue;
        }
        for (const chunk of segment.open(skip)) {
          signal?.throwIfAborted();
          yield chunk;
        }
        skip = 0;
      }
    },
  };
}

function fixed(bytes: Uint8Array): Segment {
  return { size: bytes.byteLength, open: (from) => [bytes.subarray(from)] };
}

const blockSize = 64 * 1024;

/** A file's bytes, block by block; each block has its own seed, so that reading may begin anywhere. */
function fileContent(seed: string, size: number, kind: ContentKind): Segment {
  return {
    size,
    *open(from) {
      for (let index = Math.floor(from / blockSize); index * blockSize < size; index += 1) {
        const start = index * blockSize;
        const block = blockOf(`${seed}/${index}`, kind).subarray(0, Math.min(blockSize, size - start));
        yield block.subarray(Math.max(0, from - start));
      }
    },
  };
}

function blockOf(seed: string, kind: ContentKind): Uint8Array {
  if (kind === 'zeros') return new Uint8Array(blockSize);
  const random = seededRandom(seed);
  if (kind === 'random') return random.bytes(blockSize);
  const choices = new Uint16Array(random.bytes(blockSize / 4).buffer);
  const block = new Uint32Array(blockSize / 4);
  for (let at = 0; at < choices.length; at += 1) {
    const word = 2 * ((choices[at] ?? 0) % vocabularySize);
    block[2 * at] = vocabulary[word] ?? 0;
    block[2 * at + 1] = vocabulary[word + 1] ?? 0;
  }
  return new Uint8Array(block.buffer);
}

const vocabularySize = 4096;

/** Words of two to seven letters, filled up with spaces to eight bytes, which are copied as two numbers. */
const vocabulary: Uint32Array = makeVocabulary();

function makeVocabulary(): Uint32Array {
  const random = seededRandom('vocabulary');
  const bytes = new Uint8Array(8 * vocabularySize).fill(0x20);
  for (let word = 0; word < vocabularySize; word += 1) {
    const letters = 2 + random.integer(6);
    for (let letter = 0; letter < letters; letter += 1) bytes[8 * word + letter] = 0x61 + random.integer(26);
    if (random.integer(10) === 0) bytes[8 * word + 7] = 0x0a;
  }
  return new Uint32Array(bytes.buffer);
}
