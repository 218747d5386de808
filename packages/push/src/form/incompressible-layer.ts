import { type AbortOptions, type Content, isIncompressible } from '@slipway/digest';
import { PlainReader } from './plain-reader.ts';

/** Smaller layers cost little disk space, and are compressed before their upload begins. */
const worthALook = 16 * 1024 * 1024;

/** Places that are looked at, and bytes at each. */
const samples = 16;
const sampleSize = 64 * 1024;
/** So many may be compressible: the header and the end of a tar are. */
const mostCompressible = 2;

/**
 * Whether a large tar looks as if next to nothing of it could be compressed, as with pictures, packages and the weights
 * of models: a look at one megabyte, spread over all of it, that ends early for most.
 */
export async function looksIncompressible(plain: Content, { signal }: AbortOptions = {}): Promise<boolean> {
  if (plain.size <= worthALook) return false;
  await using reader = new PlainReader(plain, signal);
  const sample = new Uint8Array(sampleSize);
  let compressible = 0;
  for (let i = 0; i < samples && compressible <= mostCompressible; i += 1) {
    await reader.fill(sample, Math.floor((i * (plain.size - sampleSize)) / (samples - 1)));
    if (!isIncompressible(sample, undefined)) compressible += 1;
  }
  return compressible <= mostCompressible;
}
