import type { Digest, DigestAlgorithm } from '@slipway/digest-value';
import type { MeasuredContent } from '../hashing/digester.ts';
import type { ByteStream, Content, ReuseOptions } from '../streams/content.ts';

/** How bytes are compressed, as their first bytes tell. */
export type Compression = 'none' | 'gzip' | 'zstd';

/** Plain bytes that go as they are, in blocks that are not compressed: `readStoredBlocks` makes them. */
export interface StoredRange {
  /** Where its blocks begin in the compressed stream. */
  readonly offset: number;
  readonly plainOffset: number;
  readonly plainSize: number;
}

export interface CompressOptions extends ReuseOptions {
  /**
   * Hears of plain bytes that are stored, in order, each before the chunk that has them is handed out. Whoever can read
   * the plain bytes again need not keep those chunks. Not all that is stored has to be told. @default nobody does
   */
  readonly onStored?: ((range: StoredRange) => void) | undefined;
  /**
   * Hears of each chunk that its reader may keep for longer than until it asks for the next one, just before it is
   * handed out: nobody writes over it before `giveBack` is called. Chunks that it has not heard of are the reader's as
   * `reuse` says. @default nobody does
   */
  readonly onLent?: ((chunk: Uint8Array, giveBack: () => void) => void) | undefined;
  /**
   * Whether next to nothing of the content can be compressed: a hint, that changes who does the work and not what comes
   * of it. @default false
   */
  readonly isNoise?: boolean | undefined;
  /**
   * Hears, before the end of the stream, what has to be said of the made bytes beside digest and size.
   * @default nobody does
   */
  readonly onDescribed?: ((notes: FormNotes) => void) | undefined;
}

/** What is to be said of compressed bytes that have more in them than the plain ones. */
export interface FormNotes {
  /** Of their descriptor in a manifest: where their table of contents is, and what digest it has. */
  readonly annotations: Readonly<Record<string, string>>;
  /** What they unpack to, where that is not what was compressed. @default it is */
  readonly diffID?: Digest | undefined;
}

export interface CompressContentOptions extends CompressOptions {
  readonly algorithm: DigestAlgorithm;
  /** Hears what the content was, before the last chunk is handed out; what it throws, the stream throws. */
  readonly onMeasured: (measured: MeasuredContent) => void;
  /**
   * Hears what the compressed bytes are, before the last chunk is handed out; whoever gives it counts on that, and does
   * not hash them. @default they are hashed by whoever reads them
   */
  readonly onMade?: ((made: MeasuredContent) => void) | undefined;
}

/** Makes compressed bytes of plain ones: the same bytes for the same input and recipe, whatever the timing. */
export interface Compressor {
  readonly compression: Compression;
  /** Names everything that decides the bytes: algorithm, library and its version, level, block size. */
  readonly recipe: string;
  /** Whether the bytes need {@link FormNotes} beside them. @default false */
  readonly isDescribed?: boolean | undefined;
  /** Each chunk of `source` is used up before the next one is asked for. */
  compress(source: ByteStream, options?: CompressOptions): ByteStream;
  /** The bytes that {@link compress} makes, of content that threads can read by themselves: undefined for any other. */
  readonly compressContent?:
    | ((content: Content, options: CompressContentOptions) => ByteStream | undefined)
    | undefined;
  /**
   * Hears how many plain bytes it is going to be given, before it is: a hint, that changes who does the work and not
   * what comes of it.
   */
  readonly expect?: ((bytes: number) => void) | undefined;
}
