import { assertChunk, assertSignal } from '@slipway/arguments';
import type { Digest, DigestAlgorithm } from '@slipway/digest-value';
import { ContentMismatchError } from '../errors.ts';
import { abortable } from '../streams/abortable.ts';
import type { AbortOptions, ByteStream } from '../streams/content.ts';
import type { Digester, ExpectedContent, MeasuredContent } from './digester.ts';

/** How a digest is made. */
export interface DigestOptions {
  /** @default 'sha256' */
  readonly algorithm?: DigestAlgorithm | undefined;
}

export interface DigestStreamOptions extends DigestOptions, AbortOptions {}

/** A stream that is measured while somebody else reads it. */
export interface MeasuredStream {
  /** The same chunks, to consume once. */
  readonly stream: ByteStream;
  /** What it was. Known once `stream` has been read to its end, and an error before. */
  result(): MeasuredContent;
}

/** Feeds a whole stream to a digester. */
export async function measure(
  source: ByteStream,
  digester: Digester,
  { signal }: AbortOptions,
): Promise<MeasuredContent> {
  assertSignal(signal);
  signal?.throwIfAborted();
  for await (const chunk of abortable(source, signal)) digester.update(chunk);
  return { digest: digester.digest(), size: digester.size };
}

/** Feeds a stream to a digester while it is read, and to its reader nothing that `expected` did not promise. */
export function measuring(
  source: ByteStream,
  digester: Digester,
  expected: Partial<ExpectedContent> = {},
): MeasuredStream {
  let digest: Digest | undefined;
  const onDigest = (actual: Digest): void => {
    digest = actual;
  };
  return {
    stream: checked(source, digester, expected, onDigest),
    result() {
      if (digest === undefined) throw new Error('Expected `stream` to be read to its end before `result()` is asked');
      return { digest, size: digester.size };
    },
  };
}

/**
 * Passes `source` through while `digester` sees every chunk. Where the size is promised, the last chunk is handed out
 * only when all are proven. `onDigest` hears what it was, at the end.
 */
export async function* checked(
  source: ByteStream,
  digester: Digester,
  expected: Partial<ExpectedContent>,
  onDigest?: (digest: Digest) => void,
): AsyncGenerator<Uint8Array, void, void> {
  const { size } = expected;
  let proven: Digest | undefined;
  for await (const chunk of source) {
    if (size !== undefined && digester.size + chunk.byteLength > size) throw sizeMismatch(expected, 'more');
    if (proven === undefined) digester.update(chunk);
    else assertChunk(chunk);
    if (digester.size === size) proven ??= prove(digester, expected);
    yield chunk;
  }
  if (size !== undefined && digester.size !== size) throw sizeMismatch(expected, digester.size);
  proven ??= prove(digester, expected);
  onDigest?.(proven);
}

function prove(digester: Digester, expected: Partial<ExpectedContent>): Digest {
  const digest = digester.digest();
  assertPromised({ digest, size: digester.size }, expected);
  return digest;
}

/** @throws {ContentMismatchError} when content that was measured to its end is not what was promised */
export function assertPromised({ digest, size }: MeasuredContent, expected: Partial<ExpectedContent>): void {
  if (expected.size !== undefined && expected.size !== size) throw sizeMismatch(expected, size);
  if (expected.digest === undefined || expected.digest === digest) return;
  const message = `Reading content: expected ${expected.digest}, got ${digest} (${size} bytes)`;
  throw new ContentMismatchError('ERR_DIGEST_MISMATCH', message);
}

function sizeMismatch({ digest, size }: Partial<ExpectedContent>, actual: number | 'more'): ContentMismatchError {
  const message = `Reading ${digest ?? 'content'}: expected ${size} bytes, got ${actual}`;
  return new ContentMismatchError('ERR_SIZE_MISMATCH', message);
}
