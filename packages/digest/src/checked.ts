import type { ByteStream } from './content.ts';
import type { Digest } from './digest.ts';
import type { Digester, ExpectedContent } from './digester.ts';
import { ContentMismatchError } from './errors.ts';

/**
 * Passes `source` through untouched while `digester` sees every chunk, and fails if it was not what `expected` promised.
 * `onDigest` hears what it was, once that is proven.
 */
export async function* checked(
  source: ByteStream,
  digester: Digester,
  expected: Partial<ExpectedContent>,
  onDigest?: (digest: Digest) => void,
): AsyncGenerator<Uint8Array, void, void> {
  const { digest: promised, size = Number.POSITIVE_INFINITY } = expected;
  for await (const chunk of source) {
    if (digester.size + chunk.byteLength > size) throw sizeMismatch(expected, 'more');
    digester.update(chunk);
    yield chunk;
  }
  if (expected.size !== undefined && digester.size !== size) throw sizeMismatch(expected, digester.size);
  const actual = digester.digest();
  if (promised !== undefined && actual !== promised) {
    const message = `Reading content: expected ${promised}, got ${actual} (${digester.size} bytes)`;
    throw new ContentMismatchError('ERR_DIGEST_MISMATCH', message);
  }
  onDigest?.(actual);
}

function sizeMismatch({ digest, size }: Partial<ExpectedContent>, actual: number | 'more'): ContentMismatchError {
  const message = `Reading ${digest ?? 'content'}: expected ${size} bytes, got ${actual}`;
  return new ContentMismatchError('ERR_SIZE_MISMATCH', message);
}
