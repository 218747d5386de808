import {
  type ByteStream,
  type CompressionPass,
  type CompressionPassOptions,
  type CompressOptions,
  type Compressor,
  type Content,
  compressionPass,
  type Digest,
  type LentFile,
  type ReuseOptions,
} from '@slipway/digest';
import { codeOf } from '../error-code.ts';
import { asFormFailure, type FormFailure } from './form-failure.ts';

/** What a compressor, or the comparison with the diffID, finds wrong with a layer. */
const codesOfSources: ReadonlySet<string> = new Set([
  'ERR_DIGEST_MISMATCH',
  'ERR_SIZE_MISMATCH',
  'ERR_COMPRESSION_UNSUPPORTED',
]);

export interface LayerCompressionOptions {
  readonly diffID: Digest;
  /** Opens the plain tar from its start. Each chunk is used up before the next one is asked for. */
  readonly openPlain: (options: ReuseOptions) => ByteStream;
  /** The plain tar, where any part of it can be read by itself. */
  readonly plain: Content | undefined;
  /** Bytes of the plain tar, or of what it is unpacked from: for progress only. */
  readonly readTotal: number;
  readonly compressor: Compressor;
}

/** Compresses a layer, from its first byte to its last, as often as need be. */
export class LayerCompression {
  readonly #options: LayerCompressionOptions;
  #read = 0;

  constructor(options: LayerCompressionOptions) {
    this.#options = options;
  }

  /** Bytes of the source that the last pass has read. */
  get read(): number {
    return this.#read;
  }

  /** One pass: reads, compares with the diffID, compresses, and hashes what comes of it. */
  pass(options: CompressOptions & Pick<CompressionPassOptions, 'madeDigester'>): CompressionPass {
    const { openPlain, plain, compressor, diffID } = this.#options;
    this.#read = 0;
    const source =
      plain === undefined
        ? this.#counted(openPlain({ signal: options.signal, reuse: true }))
        : this.#countedContent(plain);
    return compressionPass(source, compressor, { ...options, expected: { digest: diffID } });
  }

  /**
   * Says who failed when a pass did: what the source has not thrown, and is not wrong with the layer, came of the
   * compressor.
   */
  blame(error: unknown): FormFailure {
    return asFormFailure(error, codesOfSources.has(codeOf(error) ?? '') ? 'source' : 'machine');
  }

  #countedContent(content: Content): Content {
    const { size, lend } = content;
    return {
      size,
      open: (options) => this.#counted(content.open(options)),
      lend: lend && (() => this.#lendCounted(lend)),
    };
  }

  async *#counted(source: ByteStream): ByteStream {
    try {
      for await (const chunk of source) {
        this.#count(chunk.byteLength);
        yield chunk;
      }
    } catch (error) {
      throw asFormFailure(error, 'source');
    }
  }

  async #lendCounted(lend: () => Promise<LentFile>): Promise<LentFile> {
    const blameSource = (error: unknown): never => {
      throw asFormFailure(error, 'source');
    };
    const file = await lend().catch(blameSource);
    return {
      ...file,
      assertUnchanged: () => file.assertUnchanged().catch(blameSource),
      onRead: (offset, size) => {
        file.onRead(offset, size);
        this.#count(size);
      },
      readFailure: (cause) => asFormFailure(file.readFailure(cause), 'source'),
    };
  }

  #count(bytes: number): void {
    this.#read = Math.min(this.#read + bytes, this.#options.readTotal);
  }
}
