import { createHash, type Hash } from 'node:crypto';
import {
  aContent,
  aCount,
  anything,
  aSignal,
  aStream,
  assertArgument,
  assertChunk,
  assertMembers,
  assertOptions,
  aText,
  either,
  someBytes,
  withMethods,
} from '@slipway/arguments';
import { algorithmOf, type Digest, type DigestAlgorithm, parseAlgorithm, parseDigest } from '@slipway/digest-value';
import { type CompressionPass, type CompressionPassOptions, passWith } from '../compression/compression-pass.ts';
import type { Compressor } from '../compression/compressor.ts';
import type { ByteStream, Content } from '../streams/content.ts';
import type { Digester, ExpectedContent, MeasuredContent } from './digester.ts';
import {
  checked,
  type DigestOptions,
  type DigestStreamOptions,
  type MeasuredStream,
  measure,
  measuring,
} from './measured.ts';

/**
 * Starts a digest that is fed chunk by chunk. @default sha256
 *
 * @throws {InvalidDigestError} `ERR_DIGEST_UNSUPPORTED` for any other algorithm than sha256, sha384 and sha512
 */
export function createDigester(algorithm: DigestAlgorithm = 'sha256'): Digester {
  return new NodeDigester(parseAlgorithm(algorithm));
}

/**
 * The digest of exactly these bytes. @default sha256
 *
 * @throws {InvalidDigestError} `ERR_DIGEST_UNSUPPORTED` for any other algorithm than sha256, sha384 and sha512
 */
export function digestBytes(bytes: Uint8Array, algorithm: DigestAlgorithm = 'sha256'): Digest {
  assertArgument('bytes', bytes, someBytes);
  return `${algorithm}:${createHash(parseAlgorithm(algorithm)).update(bytes).digest('hex')}` as Digest;
}

/**
 * Reads a stream to its end and says what it was.
 *
 * @throws {InvalidDigestError} `ERR_DIGEST_UNSUPPORTED`, before anything is read
 */
export async function digestStream(stream: ByteStream, options: DigestStreamOptions = {}): Promise<MeasuredContent> {
  assertArgument('stream', stream, aStream);
  assertOptions('options', options, { optional: { algorithm: anything, signal: aSignal } });
  return await measure(stream, createDigester(options.algorithm), options);
}

/**
 * Lets somebody else read a stream and tells afterwards what it was: digest and size, without a second reading.
 *
 * @throws {InvalidDigestError} `ERR_DIGEST_UNSUPPORTED`
 */
export function measured(source: ByteStream, options: DigestOptions = {}): MeasuredStream {
  assertArgument('source', source, aStream);
  assertOptions('options', options, { optional: { algorithm: anything } });
  return measuring(source, createDigester(options.algorithm));
}

/**
 * Passes `source` through untouched while measuring it, and fails if it was not what `expected` promised.
 * Nothing is buffered: treat the bytes as unproven until iteration ends. Where the size is promised too, whoever gets
 * the last chunk may believe in all of them.
 *
 * @throws {ContentMismatchError} `ERR_SIZE_MISMATCH` on the first surplus byte or a short end; `ERR_DIGEST_MISMATCH` at
 * the end.
 * @throws {InvalidDigestError} at once, when the digest that is expected is none.
 */
export function verified(source: ByteStream, expected: ExpectedContent): AsyncGenerator<Uint8Array, void, void> {
  assertArgument('source', source, aStream);
  assertMembers('expected', expected, { required: { digest: aText }, optional: { size: aCount } });
  return checked(source, createDigester(algorithmOf(parseDigest(expected.digest))), expected);
}

/**
 * Reads, checks, compresses and measures in one pass. Nothing is read before the first chunk is asked for.
 * Content that lies in a file is read by the compressor's own threads, where it has some.
 *
 * @throws {ContentMismatchError} out of `stream`, before its end, if `source` is not what `expected` promised: a
 * consumer that commits only what it has read to the end never commits corrupt content.
 */
export function compressionPass(
  source: ByteStream | Content,
  compressor: Compressor,
  options: CompressionPassOptions = {},
): CompressionPass {
  assertArgument('source', source, either(aStream, aContent));
  assertArgument('compressor', compressor, withMethods('a compressor', 'compress'));
  return passWith(createDigester, source, compressor, options);
}

class NodeDigester implements Digester {
  readonly #algorithm: DigestAlgorithm;
  readonly #hash: Hash;
  #size = 0;

  constructor(algorithm: DigestAlgorithm) {
    this.#algorithm = algorithm;
    this.#hash = createHash(algorithm);
  }

  get size(): number {
    return this.#size;
  }

  update(chunk: Uint8Array): void {
    assertChunk(chunk);
    this.#size += chunk.byteLength;
    this.#hash.update(chunk);
  }

  digest(): Digest {
    return `${this.#algorithm}:${this.#hash.digest('hex')}` as Digest;
  }
}
