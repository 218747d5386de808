import { createHash } from 'node:crypto';

/** Numbers and bytes that look random and are the same for the same seed, on every machine. */
export interface SeededRandom {
  /** An integer from 0 up to and without `limit`, at most 2³². */
  integer(limit: number): number;
  /** So many fresh bytes. */
  bytes(length: number): Uint8Array;
  /** Fills the array from its start. */
  fill(target: Uint8Array): void;
}

/** A source of random numbers that starts from a text or a number. */
export function seededRandom(seed: string | number): SeededRandom {
  const hash = createHash('sha256').update(String(seed)).digest();
  const lanes = new Uint32Array(4);
  // xorshift never leaves zero: a lane must not start there.
  for (let i = 0; i < 4; i += 1) lanes[i] = hash.readUInt32LE(4 * i) | 1;
  let [x = 1, y = 1, z = 1, w = 1] = lanes;

  /** xorshift128. @see https://www.jstatsoft.org/article/view/v008i14 */
  function next(): number {
    const t = x ^ (x << 11);
    x = y;
    y = z;
    z = w;
    w = w ^ (w >>> 19) ^ t ^ (t >>> 8);
    return w >>> 0;
  }

  function fill(target: Uint8Array): void {
    const words = new Uint32Array(Math.ceil(target.byteLength / 4));
    for (let i = 0; i < words.length; i += 1) words[i] = next();
    target.set(new Uint8Array(words.buffer, 0, target.byteLength));
  }

  return {
    integer: (limit) => Math.floor((next() / 2 ** 32) * limit),
    bytes(length) {
      const bytes = new Uint8Array(length);
      fill(bytes);
      return bytes;
    },
    fill,
  };
}
