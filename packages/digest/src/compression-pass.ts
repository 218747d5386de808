import { checked } from './checked.ts';
import type { Compressor } from './compressor.ts';
import type { AbortOptions, ByteStream } from './content.ts';
import { algorithmOf, type Digest } from './digest.ts';
import type { CreateDigester, ExpectedContent } from './digester.ts';

export interface CompressionPassOptions extends AbortOptions {
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
  { signal, expected }: CompressionPassOptions,
): CompressionPass {
  const plain = createDigester(expected && algorithmOf(expected.digest));
  const compressed = createDigester();
  let diffID: Digest | undefined;
  let result: CompressionPassResult | undefined;

  async function* run(): AsyncGenerator<Uint8Array, void, void> {
    const proven = checked(source, plain, expected ?? {}, (digest) => {
      diffID = digest;
    });
    for await (const chunk of compressor.compress(proven, { signal })) {
      compressed.update(chunk);
      yield chunk;
    }
    // A compressor that ends without having asked for the end of its source has proven nothing.
    if (diffID === undefined) throw new Error('unreachable: the compressor did not read its source to the end');
    result = { diffID, uncompressedSize: plain.size, digest: compressed.digest(), size: compressed.size };
  }

  return {
    stream: run(),
    result() {
      if (result === undefined) throw new Error('Expected `stream` to be read to its end before `result()` is asked');
      return result;
    },
  };
}
