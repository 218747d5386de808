import { algorithmOf, type Digest, parseDigest } from '@slipway/digest-value';
import type { CompressOptions, Compressor, FormNotes } from './compressor.ts';
import type { ByteStream } from './content.ts';
import type { CreateDigester, ExpectedContent } from './digester.ts';
import { measuring } from './measured.ts';

export interface CompressionPassOptions extends CompressOptions {
  /** What the plain bytes must be: `digest` is the diffID. Checked while they are read. */
  readonly expected?: ExpectedContent | undefined;
}

/** What one pass over a layer found out. */
export interface CompressionPassResult {
  /** Digest of the plain bytes. */
  readonly diffID: Digest;
  /** Plain bytes in all. */
  readonly uncompressedSize: number;
  /** Digest of the compressed bytes. */
  readonly digest: Digest;
  /** Compressed bytes in all. */
  readonly size: number;
  /** What else is to be said of the compressed bytes. */
  readonly notes: FormNotes | undefined;
}

/** One reading of a layer: compressed bytes to consume once, then everything about them. */
export interface CompressionPass {
  readonly stream: ByteStream;
  /** Both digests and both sizes. Known once `stream` has been read to its end, and an error before. */
  result(): CompressionPassResult;
}

/** {@link CompressionPass} over any implementation of the hash functions. */
export function passWith(
  createDigester: CreateDigester,
  source: ByteStream,
  compressor: Compressor,
  { expected, ...options }: CompressionPassOptions,
): CompressionPass {
  const plain = measuring(source, createDigester(expected && algorithmOf(parseDigest(expected.digest))), expected);
  let notes: FormNotes | undefined;
  async function* compress(): AsyncGenerator<Uint8Array, void, void> {
    yield* compressor.compress(plain.stream, {
      ...options,
      onDescribed(told) {
        notes = told;
        options.onDescribed?.(told);
      },
    });
    plain.result(); // throws if the compressor ended without asking for the end of its source: nothing would be proven
  }
  const compressed = measuring(compress(), createDigester());
  return {
    stream: compressed.stream,
    result() {
      const { digest, size } = compressed.result();
      const { digest: diffID, size: uncompressedSize } = plain.result();
      return { diffID, uncompressedSize, digest, size, notes };
    },
  };
}
