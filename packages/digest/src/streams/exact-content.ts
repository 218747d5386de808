import { aContent, assertArgument, assertChunk } from '@slipway/arguments';
import { ContentMismatchError } from '../errors.ts';
import type { ByteStream, Content, OpenOptions } from './content.ts';

/**
 * Somebody's content, held to what it says of itself: reading it fails at a chunk that is no bytes, at the first byte
 * beyond `size`, and at an end before it. `mismatch` makes the error of a wrong size, given the bytes that there were.
 *
 * @throws {ContentMismatchError} `ERR_SIZE_MISMATCH` out of its streams, where there is no `mismatch`
 */
export function exactContent(
  content: Content,
  mismatch: (actual: number | 'more') => Error = (actual) => sizeMismatch(content.size, actual),
): Content {
  assertArgument('content', content, aContent);
  const { size } = content;
  return {
    size,
    open: (options) => exactStream(content, size, mismatch, options),
    ...(content.lend === undefined ? {} : { lend: () => content.lend!() }),
  };
}

async function* exactStream(
  content: Content,
  size: number,
  mismatch: (actual: number | 'more') => Error,
  options: OpenOptions = {},
): ByteStream & AsyncGenerator<Uint8Array, void, void> {
  let position = options.from ?? 0;
  for await (const chunk of content.open(options)) {
    assertChunk(chunk);
    position += chunk.byteLength;
    if (position > size) throw mismatch('more');
    yield chunk;
  }
  if (position < size) throw mismatch(position);
}

function sizeMismatch(size: number, actual: number | 'more'): ContentMismatchError {
  return new ContentMismatchError('ERR_SIZE_MISMATCH', `Reading content: expected ${size} bytes, got ${actual}`);
}
