import { aBoolean, aFunction, anObject, aSignal, assertOptions, type Kind } from '@slipway/arguments';
import { algorithmOf, type Digest, parseDigest } from '@slipway/digest-value';
import type { CreateDigester, Digester, ExpectedContent, MeasuredContent } from '../hashing/digester.ts';
import { assertPromised, measuring } from '../hashing/measured.ts';
import { type ByteStream, type Content, isContent } from '../streams/content.ts';
import type { CompressOptions, Compressor, FormNotes } from './compressor.ts';

export interface CompressionPassOptions extends CompressOptions {
  /** What the plain bytes must be: `digest` is the diffID. Checked while they are read. */
  readonly expected?: ExpectedContent | undefined;
  /** Hashes the compressed bytes, where the reader has a use for its state on the way. @default one of its own */
  readonly madeDigester?: Digester | undefined;
}

const passKinds: { readonly [Name in keyof CompressionPassOptions]-?: Kind } = {
  expected: anObject,
  madeDigester: anObject,
  onStored: aFunction,
  onLent: aFunction,
  isNoise: aBoolean,
  onDescribed: aFunction,
  reuse: aBoolean,
  signal: aSignal,
};

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
  source: ByteStream | Content,
  compressor: Compressor,
  passOptions: CompressionPassOptions,
): CompressionPass {
  assertOptions('options', passOptions, { optional: passKinds });
  const { expected: promised, madeDigester, ...options } = passOptions;
  const expected: Partial<ExpectedContent> = promised ?? {};
  const algorithm = expected.digest === undefined ? 'sha256' : algorithmOf(parseDigest(expected.digest));
  const digester = createDigester(algorithm);
  let plain: MeasuredContent | undefined;
  let notes: FormNotes | undefined;
  const told: CompressOptions = {
    ...options,
    onDescribed(described) {
      notes = described;
      options.onDescribed?.(described);
    },
  };
  const onMeasured = (measured: MeasuredContent): void => {
    assertPromised(measured, expected);
    plain = measured;
  };
  async function* compressHere(): AsyncGenerator<Uint8Array, void, void> {
    const bytes = isContent(source) ? source.open({ signal: options.signal, reuse: true }) : source;
    const { stream, result } = measuring(bytes, digester, expected);
    yield* compressor.compress(stream, told);
    // throws if the compressor ended without asking for the end of its source: nothing would be proven
    plain = result();
  }
  let made: MeasuredContent | undefined;
  const onMade = (measured: MeasuredContent): void => {
    made = measured;
  };
  async function* compress(): AsyncGenerator<Uint8Array, void, void> {
    const threaded = { ...told, algorithm, onMeasured, onMade: options.isNoise ? onMade : undefined };
    const onThreads = isContent(source) ? compressor.compressContent?.(source, threaded) : undefined;
    if (onThreads !== undefined && options.isNoise) {
      yield* onThreads;
      return;
    }
    const { stream, result } = measuring(onThreads ?? compressHere(), madeDigester ?? createDigester());
    yield* stream;
    made = result();
  }
  return {
    stream: compress(),
    result() {
      if (made === undefined) throw new Error('Expected `stream` to be read to its end before `result()` is asked');
      const { digest, size } = made;
      if (plain === undefined) throw new Error('unreachable: what was compressed to its end was measured');
      return { diffID: plain.digest, uncompressedSize: plain.size, digest, size, notes };
    },
  };
}
