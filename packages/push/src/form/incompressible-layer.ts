import { type AbortOptions, type Content, isIncompressible, storedSize } from '@slipway/digest';
import { PlainReader } from './plain-reader.ts';
import { smallLayer } from './small-layer.ts';

const KiB = 1024;
const MiB = 1024 * KiB;

/** Places that are looked at, and bytes at each. */
const samples = 16;
const sampleSize = 64 * KiB;
/** So many may be compressible: the header and the end of a tar are. */
const mostCompressible = 2;

/**
 * Whether a large tar looks as if next to nothing of it could be compressed, as with pictures, packages and the weights
 * of models: a look at one megabyte, spread over all of it, that ends early for most.
 */
export async function looksIncompressible(plain: Content, { signal }: AbortOptions = {}): Promise<boolean> {
  if (plain.size <= smallLayer) return false; // which costs little disk space
  await using reader = new PlainReader(plain, signal, sampleSize);
  const sample = new Uint8Array(sampleSize);
  let compressible = 0;
  for (let i = 0; i < samples && compressible <= mostCompressible; i += 1) {
    await reader.fill(sample, Math.floor((i * (plain.size - sampleSize)) / (samples - 1)));
    if (!isIncompressible(sample, undefined)) compressible += 1;
  }
  return compressible <= mostCompressible;
}

/** The end of a layer: a chunk of 32 MiB, and what may be missing behind it. */
const tailSize = 36 * MiB;
/** From one look at the end to the next, and bytes at each. */
const tailStride = 1.5 * MiB;
const tailSampleSize = 16 * KiB;

/** Bytes by which the end of a layer may shrink unseen, where all looks met noise: more than lie between two. */
export const mostShrunk: number = 2 * MiB;

/**
 * How many bytes the compressed form of a layer that looks incompressible is sure to have, before it is made: all but
 * {@link mostShrunk}, if its end is noise; else one. A chunk of such a layer can be promised to a registry before it is
 * there. Where the end proves to be otherwise all the same, the upload of the layer begins anew.
 */
export async function sureBytes(plain: Content, { signal }: AbortOptions = {}): Promise<number> {
  const least = storedSize(plain.size) - mostShrunk;
  if (least <= 1) return 1;
  await using reader = new PlainReader(plain, signal, tailSampleSize);
  const sample = new Uint8Array(tailSampleSize);
  // The last place lies before the end, as tars end with zeros.
  for (let at = Math.max(0, plain.size - tailSize); at + tailStride <= plain.size; at += tailStride) {
    await reader.fill(sample, at);
    if (!isIncompressible(sample, undefined)) return 1;
  }
  return least;
}
